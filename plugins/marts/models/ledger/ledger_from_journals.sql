{# The ledger as Xero's journals have it, debits positive, in base currency. #}
select
  j.tenant_id, j.source_type, j.source_id, j.journal_date, j.reference, j.journal_id, j.journal_number,
  l.journal_line_id, l.account_id, l.tax_type, l.description, l.tracking_categories as tracking,
  cast(l.net_amount as decimal(18, 4)) as net_amount
from {{ live('journals') }} as j
join {{ live('journal_lines') }} as l on l.tenant_id = j.tenant_id and l.journal_id = j.journal_id
