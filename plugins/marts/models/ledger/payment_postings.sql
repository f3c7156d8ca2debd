{# What payments post: the bank at the day's rate, the control account at the document's, and the gain. #}
with paid as (
  select
    p.tenant_id, {{ journal_type('p.type') }} as source_type, p.payment_id as source_id, p.date, p.reference,
    d.contact_id, q.account_id, d.side, p.amount_base, p.settled_base, s.realised_gain,
    case when d.is_receivable then s.debtors else s.creditors end as control_account_id
  from {{ ref('fct_payments') }} as p
  join {{ live('payments') }} as q on q.tenant_id = p.tenant_id and q.payment_id = p.payment_id
  join {{ ref('settled_documents') }} as d on d.tenant_id = p.tenant_id and d.document_id = p.document_id
  join {{ ref('system_accounts') }} as s on s.tenant_id = p.tenant_id
  where p.is_posted
)
{%- set parts = {
    'bank': ('account_id', 'side * amount_base'),
    'control': ('control_account_id', '-side * settled_base'),
    'gain': ('realised_gain', 'side * (settled_base - amount_base)'),
} %}
{%- for part, facts in parts.items() %}
select
  '{{ part }}' as part, tenant_id, source_type, source_id, date as journal_date, reference, contact_id,
  {{ facts[0] }} as account_id, cast(null as string) as tax_type, cast(null as string) as description,
  cast(null as {{ tracking_type() }}) as tracking, cast({{ facts[1] }} as decimal(18, 4)) as net_amount
from paid
{{ 'where amount_base <> settled_base' if part == 'gain' }}
{{ 'union all' if not loop.last }}
{%- endfor %}
