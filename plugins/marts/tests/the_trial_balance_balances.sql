select tenant_id, basis, month_end, sum(movement) as movement, sum(balance) as balance
from {{ ref('trial_balance') }}
group by 1, 2, 3
having sum(balance) <> 0
