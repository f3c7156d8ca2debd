{# What is open of each document: total less payments and allocations, against what Xero says in its row.

A row for both sides of each organisation, and one for each document that differs. #}
{%- set kinds = {
    'invoice': ('invoices', 'amount_due'), 'credit_note': ('credit_notes', 'remaining_credit'),
    'prepayment': ('prepayments', 'remaining_credit'), 'overpayment': ('overpayments', 'remaining_credit'),
} %}
with xero as (
  {%- for kind, facts in kinds.items() %}
  select
    '{{ kind }}' as kind, tenant_id, {{ kind }}_id as document_id, {{ facts[1] }} as open_amount,
    coalesce({{ 'cis_deduction' if kind in ('invoice', 'credit_note') else '0' }}, 0) as withheld
  from {{ live(facts[0]) }} as d
  {{ 'union all' if not loop.last }}
  {%- endfor %}
),
settled as (select tenant_id, document_id, sum(amount) as amount from {{ ref('settlements') }} as s group by 1, 2),
documents as (
  select
    d.tenant_id, d.document_id, cast(last_day(d.date) as date) as period_end,
    case when d.is_receivable then 'receivable' else 'payable' end as side,
    {{ key("case when d.is_receivable then a.debtors else a.creditors end", 'd.tenant_id') }} as account_key,
    d.total - x.withheld - coalesce(s.amount, 0) as lakehouse, coalesce(x.open_amount, 0) as xero
  from {{ ref('settled_documents') }} as d
  join xero as x on x.kind = d.kind and x.tenant_id = d.tenant_id and x.document_id = d.document_id
  join {{ ref('system_accounts') }} as a on a.tenant_id = d.tenant_id
  left join settled as s on s.tenant_id = d.tenant_id and s.document_id = d.document_id
  where d.is_posted
)
select
  tenant_id, 'open amounts' as check_name, cast(null as string) as basis, cast(null as date) as period_end,
  side as subject, max(account_key) as account_key, cast(sum(lakehouse) as decimal(18, 4)) as lakehouse,
  cast(sum(xero) as decimal(18, 4)) as xero, cast(0 as decimal(18, 4)) as explained, cast(null as string) as explanation
from documents group by tenant_id, side
union all
select
  tenant_id, 'open document', null, period_end, document_id, account_key, cast(lakehouse as decimal(18, 4)),
  cast(xero as decimal(18, 4)), cast(0 as decimal(18, 4)), null
from documents where lakehouse <> xero
