{# What was budgeted for an account and month, overall or for one tracking option; positive as in statements. #}
with months as (
  select b.tenant_id, b.budget_id, l.account_id, {{ elements('l.budget_balances') }} as balance
  from {{ live('budgets') }} as b
  join {{ live('budget_lines') }} as l on l.tenant_id = b.tenant_id and l.budget_id = b.budget_id
)
select
  {{ key('b.budget_id', 'b.tenant_id') }} as budget_key, b.tenant_id, b.type, b.status, b.description as name,
  {{ option_key('b.tracking', 1, 'b.tenant_id') }} as tracking_option_key,
  {{ key('m.account_id', 'b.tenant_id') }} as account_key,
  cast(last_day(cast(m.balance.period || '-01' as date)) as date) as month_end,
  cast(m.balance.amount as decimal(18, 4)) as amount
from {{ live('budgets') }} as b
join months as m on m.tenant_id = b.tenant_id and m.budget_id = b.budget_id
