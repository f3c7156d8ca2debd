{# The ledger as Xero's journals have it, on both bases, debits positive, in base currency. #}
{%- set tables = {'accrual': ('journals', 'journal_lines'), 'cash': ('journals_cash', 'journal_cash_lines')} %}
{%- for basis, names in tables.items() %}
select
  '{{ basis }}' as basis, j.tenant_id, j.source_type, j.source_id, j.journal_date, j.reference, j.journal_id,
  j.journal_number, l.journal_line_id, l.account_id, l.tax_type, l.description,
  l.tracking_categories as tracking, cast(l.net_amount as decimal(18, 4)) as net_amount
from {{ live(names[0]) }} as j
join {{ live(names[1]) }} as l on l.tenant_id = j.tenant_id and l.journal_id = j.journal_id
{{ 'union all' if not loop.last }}
{%- endfor %}
