select {{ key('code') }} as currency_key, tenant_id, code, description
from {{ live('currencies') }} as c
