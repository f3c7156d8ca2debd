{# Xero's own trial balance: one row an organisation, basis, month end and account, debits positive.

Made of the rows of the tap's reports, which land as they were printed: two pairs of columns, debit and
credit of the month and of the year to date, of which one is empty. #}
{%- set tables = {'trial_balance': 'accrual', 'trial_balance_cash': 'cash'} %}
with figures as (
  {%- for table, basis in tables.items() %}
  select tenant_id, coalesce(basis, '{{ basis }}') as basis, period_end as month_end, account_id, measure, amount
  from {{ live(table) }} as r
  where account_id is not null
  {{ 'union all' if not loop.last }}
  {%- endfor %}
)
select
  tenant_id, basis, month_end, account_id, {{ key('account_id') }} as account_key,
  cast(sum(case measure when 'Debit' then amount when 'Credit' then -amount else 0 end) as decimal(18, 4)) as movement,
  cast(sum(case measure when 'YTD Debit' then amount when 'YTD Credit' then -amount else 0 end) as decimal(18, 4)) as balance
from figures
group by tenant_id, basis, month_end, account_id
