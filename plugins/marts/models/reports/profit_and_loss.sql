{# Income and expenses of each month; income is positive, and so are expenses. #}
select
  t.tenant_id, t.basis, t.month_end, s.position, s.section, s.sign, a.code, a.name as account, t.account_key,
  cast(case when a.class = 'REVENUE' then -t.movement else t.movement end as decimal(18, 4)) as amount,
  cast(case when a.class = 'REVENUE' then -t.balance else t.balance end as decimal(18, 4)) as year_to_date
from {{ ref('trial_balance') }} as t
join {{ ref('dim_account') }} as a on a.account_key = t.account_key and a.is_profit_and_loss
join {{ ref('statement_sections') }} as s on s.type = a.type
