{# Lines without tax say NONE, also in countries whose list of rates has no such entry. #}
with listed as (
  select tenant_id, tax_type, name, status, effective_rate, display_tax_rate
  from {{ live('tax_rates') }} as r
),
rates as (
  select * from listed
  union all
  select tenant_id, 'NONE', 'No Tax', 'ACTIVE', 0, 0
  from listed
  group by tenant_id
  having max(case when tax_type = 'NONE' then 1 else 0 end) = 0
)
select
  {{ key('tax_type') }} as tax_rate_key, tenant_id, tax_type, name, status, effective_rate, display_tax_rate
from rates
