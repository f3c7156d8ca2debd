select tenant_id, basis, month_end, sum(case when class = 'ASSET' then amount else -amount end) as difference
from {{ ref('balance_sheet') }}
group by 1, 2, 3
having sum(case when class = 'ASSET' then amount else -amount end) <> 0
