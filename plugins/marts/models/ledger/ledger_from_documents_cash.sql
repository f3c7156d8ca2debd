{# The ledger from documents on cash basis: a document counts when it is paid.

What a payment takes off a control account is spread over what its document posted, by account and
tracking options, in proportion and in whole cents. Cents that rounding leaves over go one by one to the
largest fractions, of equal ones to the first by account and options: nothing is lost, and every posting
balances. Each payment is spread by itself. A document settled by credit never counts.

Source: Xero, Reports (paymentsOnly), which says in proportion and nothing of the cents. #}
{%- set option_1, option_2 = "coalesce(" ~ option_key('tracking', 1) ~ ", '')", "coalesce(" ~ option_key('tracking', 2) ~ ", '')" %}
with lines as (
  select
    l.*, s.document_id,
    l.source_type in ('ACCREC', 'ACCPAY', 'ACCRECCREDIT', 'ACCPAYCREDIT', 'EXPCLAIM')
      or j.source_id is not null as is_accrual_only,
    l.account_id in (a.debtors, a.creditors, a.expense_claims) as is_control
  from {{ ref('ledger_from_documents') }} as l
  join {{ ref('system_accounts') }} as a on a.tenant_id = l.tenant_id
  left join {{ ref('settling_postings') }} as s on s.tenant_id = l.tenant_id and s.source_id = l.source_id
  left join {{ ref('accrual_only_journals') }} as j on j.tenant_id = l.tenant_id and j.source_id = l.source_id
),
shares as (
  select
    tenant_id, source_id as document_id, account_id, {{ option_1 }} as option_1, {{ option_2 }} as option_2,
    any_value(tracking) as tracking, {{ whole('sum(net_amount) * 100') }} as cents
  from lines where is_accrual_only and not is_control
  group by 1, 2, 3, 4, 5
  having sum(net_amount) <> 0
),
totals as (
  select tenant_id, document_id, sum(cents) as cents from shares group by tenant_id, document_id having sum(cents) <> 0
),
settled as (
  select
    l.tenant_id, l.source_type, l.source_id, l.journal_date, l.reference, l.contact_id, s.account_id, s.tracking,
    s.option_1, s.option_2, cast(sign(l.net_amount) as int) as side, {{ whole('abs(l.net_amount) * 100') }} as paid,
    abs(t.cents) as total, {{ whole('abs(l.net_amount) * 100') }} * s.cents * {{ whole('sign(t.cents)') }} as product
  from lines as l
  join totals as t on t.tenant_id = l.tenant_id and t.document_id = l.document_id
  join shares as s on s.tenant_id = l.tenant_id and s.document_id = l.document_id
  where l.is_control and not l.is_accrual_only
),
fractions as (
  select *, ((product % total) + total) % total as fraction from settled
),
parts as (
  select
    *, {{ whole_quotient('(product - fraction)', 'total') }} as cents,
    row_number() over (
      partition by tenant_id, source_type, source_id order by fraction desc, account_id, option_1, option_2
    ) as place
  from fractions
),
leftovers as (
  select *, paid - sum(cents) over (partition by tenant_id, source_type, source_id) as odd_cents from parts
)
select
  l.part, l.tenant_id, l.source_type, l.source_id, l.journal_date, l.reference, l.contact_id, l.account_id,
  l.tax_type, l.description, l.tracking, l.net_amount
from lines as l
left join totals as t on l.is_control and t.tenant_id = l.tenant_id and t.document_id = l.document_id
where not l.is_accrual_only and t.tenant_id is null
union all
select
  'settled', tenant_id, source_type, source_id, journal_date, reference, contact_id, account_id, null, null,
  tracking,
  cast(
    side * cast(cents + case when place <= odd_cents then 1 else 0 end as decimal(16, 0)) * cast(0.01 as decimal(2, 2))
    as decimal(18, 4)
  )
from leftovers
where cents <> 0 or place <= odd_cents
