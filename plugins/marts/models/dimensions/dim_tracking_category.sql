select
  {{ key('tracking_category_id') }} as tracking_category_key, tenant_id, tracking_category_id, name, status
from {{ live('tracking_categories') }} as c
