select
  {{ key('o.tracking_option_id', 'o.tenant_id') }} as tracking_option_key,
  {{ key('o.tracking_category_id', 'o.tenant_id') }} as tracking_category_key,
  o.tenant_id, o.tracking_option_id, o.tracking_category_id, c.name as category_name, o.name, o.status
from {{ live('tracking_options') }} as o
join {{ live('tracking_categories') }} as c
  on c.tenant_id = o.tenant_id and c.tracking_category_id = o.tracking_category_id
