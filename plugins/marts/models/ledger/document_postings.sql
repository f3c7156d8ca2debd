{# What invoices, bills, credit notes and bank transactions post: the whole to a control or bank account,
each line to its own, and the tax. A transfer posts by itself. #}
with headers as (
  select
    d.*, s.tax,
    case
      when d.kind = 'bank_transaction' then d.bank_account_id
      when d.type in ('ACCREC', 'ACCRECCREDIT') then s.debtors
      else s.creditors
    end as whole_account_id,
    case when d.type in ('ACCREC', 'ACCPAYCREDIT') or d.type like 'RECEIVE%' then 1 else -1 end as side,
    {{ journal_type('d.type') }} as source_type
  from {{ ref('documents') }} as d
  join {{ ref('system_accounts') }} as s on s.tenant_id = d.tenant_id
  where d.is_posted and d.kind <> 'purchase_order' and d.type not like '%-TRANSFER'
)
select
  'whole' as part, tenant_id, source_type, source_id, date as journal_date, reference, contact_id,
  whole_account_id as account_id, cast(null as string) as tax_type, cast(null as string) as description,
  cast(null as {{ tracking_type() }}) as tracking,
  cast(side * {{ to_base('total', 'currency_rate') }} as decimal(18, 4)) as net_amount
from headers
union all
select
  'line', h.tenant_id, h.source_type, h.source_id, h.date, h.reference, h.contact_id, l.account_id,
  l.tax_type, l.description, l.tracking, cast(-h.side * l.net_base as decimal(18, 4))
from headers as h
join {{ ref('document_lines') }} as l
  on l.kind = h.kind and l.tenant_id = h.tenant_id and l.document_id = h.document_id
union all
select
  'tax', tenant_id, source_type, source_id, date, reference, contact_id, tax, null, null, null,
  cast(-side * {{ to_base('total_tax', 'currency_rate') }} as decimal(18, 4))
from headers where total_tax <> 0
