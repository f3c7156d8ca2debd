select
  {{ key('account_id') }} as account_key, tenant_id, account_id, code, name, type, class, status,
  tax_type, currency_code, system_account, reporting_code, reporting_code_name,
  class in ('REVENUE', 'EXPENSE') as is_profit_and_loss
from {{ live('accounts') }} as a
