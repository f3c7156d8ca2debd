select
  tenant_id, name, legal_name, base_currency, country_code, timezone,
  cast(financial_year_end_month as int) as financial_year_end_month,
  cast(financial_year_end_day as int) as financial_year_end_day,
  period_lock_date, end_of_year_lock_date, organisation_status as status
from {{ live('organisations') }} as o
