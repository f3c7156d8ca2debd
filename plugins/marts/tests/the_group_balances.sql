{# Each organisation's assets are its liabilities and equity in whichever currency it is shown in. #}
select tenant_id, month_end, currency, sum(case when class = 'ASSET' then amount else -amount end) as difference
from {{ ref('group_balance_sheet') }}
group by 1, 2, 3
having sum(case when class = 'ASSET' then amount else -amount end) <> 0
