{# A month opens with what the last one closed with. #}
select b.*, before.closing_balance as closed_before
from {{ ref('bank_accounts') }} as b
join {{ ref('bank_accounts') }} as before
  on before.tenant_id = b.tenant_id and before.account_key = b.account_key
  and last_day({{ days_later('before.month_end', 1) }}) = b.month_end
where b.opening_balance <> before.closing_balance
