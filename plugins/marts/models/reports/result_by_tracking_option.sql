{# Income and expenses by month, account and option of each tracking category; a line without an option of
a category is under null, so that the options of each category add up to the profit and loss. #}
with lines as (
  select
    l.*, case when a.class = 'REVENUE' then -l.net_amount else l.net_amount end as amount
  from {{ ref('general_ledger') }} as l
  join {{ ref('dim_account') }} as a on a.account_key = l.account_key and a.is_profit_and_loss
  where l.basis = 'accrual'
)
select
  l.tenant_id, cast(last_day(l.journal_date) as date) as month_end, c.tracking_category_key,
  o.tracking_option_key, l.account_key, cast(sum(l.amount) as decimal(18, 4)) as amount
from lines as l
join {{ ref('dim_tracking_category') }} as c on c.tenant_id = l.tenant_id
left join {{ ref('dim_tracking_option') }} as o
  on o.tracking_category_key = c.tracking_category_key
  and o.tracking_option_key in (l.tracking_option_1_key, l.tracking_option_2_key)
group by 1, 2, 3, 4, 5
