{# Lines without tax say NONE, also in countries whose list of rates has no such entry. #}
with rates as (
  select tenant_id, tax_type, name, status, effective_rate, display_tax_rate
  from {{ live('tax_rates') }} as r
  union all
  select o.tenant_id, 'NONE', 'No Tax', 'ACTIVE', 0, 0
  from {{ ref('dim_organisation') }} as o
  left join {{ live('tax_rates') }} as r on r.tenant_id = o.tenant_id and r.tax_type = 'NONE'
  where r.tenant_id is null
)
select
  {{ key('tax_type') }} as tax_rate_key, tenant_id, tax_type, name, status, effective_rate, display_tax_rate
from rates
