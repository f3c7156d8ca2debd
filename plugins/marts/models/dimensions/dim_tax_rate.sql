select
  {{ key('tax_type') }} as tax_rate_key, tenant_id, tax_type, name, status,
  effective_rate, display_tax_rate
from {{ live('tax_rates') }} as r
