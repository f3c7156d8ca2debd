{# A ledger in which some transaction does not balance cannot be right. #}
select tenant_id, basis, source_type, source_id, sum(net_amount) as difference
from {{ ref('general_ledger') }}
group by 1, 2, 3, 4
having sum(net_amount) <> 0
