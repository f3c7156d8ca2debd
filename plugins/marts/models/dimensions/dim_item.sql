select
  {{ key('item_id') }} as item_key, tenant_id, item_id, code, name, description, is_sold, is_purchased,
  is_tracked_as_inventory
from {{ live('items') }} as i
