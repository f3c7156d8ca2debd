with by_option as (
  select tenant_id, month_end, tracking_category_key, account_key, sum(amount) as amount
  from {{ ref('result_by_tracking_option') }} group by 1, 2, 3, 4
)
select b.*, p.amount as statement
from by_option as b
join {{ ref('profit_and_loss') }} as p
  on p.tenant_id = b.tenant_id and p.month_end = b.month_end and p.account_key = b.account_key and p.basis = 'accrual'
where b.amount <> p.amount
