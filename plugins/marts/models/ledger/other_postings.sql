{# What bank transfers, manual journals and expense claims post. #}
with claims as (
  select e.*, s.tax, s.expense_claims as claims_account_id
  from {{ live('expense_claims') }} as e
  join {{ ref('system_accounts') }} as s on s.tenant_id = e.tenant_id
  where e.status in ('AUTHORISED', 'PAID')
),
payments as (
  select tenant_id, claims_account_id, {{ elements('payments') }} as payment from claims
),
receipts as (
  select
    c.tenant_id, c.expense_claim_id, c.reporting_date, c.tax, r.receipt_id,
    upper(r.line_amount_types) = 'INCLUSIVE' as includes_tax, r.total_tax
  from claims as c
  join {{ live('expense_claim_receipts') }} as r
    on r.tenant_id = c.tenant_id and r.expense_claim_id = c.expense_claim_id
),
{%- set transfer = "'TRANSFER', bank_transfer_id, date, reference, null" %}
{%- set claim = "'EXPCLAIM', expense_claim_id, reporting_date, null, null" %}
postings as (
  select
    'out' as part, tenant_id, 'TRANSFER' as source_type, bank_transfer_id as source_id, date as journal_date,
    reference, cast(null as string) as contact_id, from_bank_account_id as account_id,
    cast(null as string) as tax_type, cast(null as string) as description,
    cast(null as {{ tracking_type() }}) as tracking, -amount as net_amount
  from {{ live('bank_transfers') }} as t where status = 'AUTHORISED'
  union all
  select 'in', tenant_id, {{ transfer }}, to_bank_account_id, null, null, null, amount
  from {{ live('bank_transfers') }} as t where status = 'AUTHORISED'
  union all
  select
    'line', j.tenant_id, 'MANJOURNAL', j.manual_journal_id, j.date, j.narration, null, l.account_id, l.tax_type,
    l.description, l.tracking,
    l.line_amount - case when upper(j.line_amount_types) = 'INCLUSIVE' then coalesce(l.tax_amount, 0) else 0 end
  from {{ live('manual_journals') }} as j
  join {{ live('manual_journal_lines') }} as l
    on l.tenant_id = j.tenant_id and l.manual_journal_id = j.manual_journal_id
  where j.status = 'POSTED'
  union all
  select 'tax', j.tenant_id, 'MANJOURNAL', j.manual_journal_id, j.date, j.narration, null, s.tax, l.tax_type,
    l.description, null, l.tax_amount
  from {{ live('manual_journals') }} as j
  join {{ live('manual_journal_lines') }} as l
    on l.tenant_id = j.tenant_id and l.manual_journal_id = j.manual_journal_id
  join {{ ref('system_accounts') }} as s on s.tenant_id = j.tenant_id
  where j.status = 'POSTED' and coalesce(l.tax_amount, 0) <> 0
  union all
  select 'whole', tenant_id, {{ claim }}, claims_account_id, null, null, null, -total from claims
  union all
  select
    'line', r.tenant_id, 'EXPCLAIM', r.expense_claim_id, r.reporting_date, null, null, l.account_id, l.tax_type,
    l.description, l.tracking,
    l.line_amount - case when r.includes_tax then coalesce(l.tax_amount, 0) else 0 end
  from receipts as r
  join {{ live('receipt_line_items') }} as l on l.tenant_id = r.tenant_id and l.receipt_id = r.receipt_id
  union all
  select 'tax', tenant_id, {{ claim }}, tax, null, null, null, total_tax from receipts where total_tax <> 0
  {%- for part, account, sign in [('bank', 'payment.account.account_id', '-'), ('control', 'claims_account_id', '')] %}
  union all
  select
    '{{ part }}', tenant_id, 'EXPPAYMENT', payment.payment_id, payment.date, null, null, {{ account }}, null, null, null,
    {{ sign }}payment.amount
  from payments
  {%- endfor %}
)
select
  part, tenant_id, source_type, source_id, journal_date, reference, contact_id, account_id, tax_type, description,
  tracking, cast(net_amount as decimal(18, 4)) as net_amount
from postings
