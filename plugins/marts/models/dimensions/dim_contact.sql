select
  {{ key('contact_id') }} as contact_key, tenant_id, contact_id, name, contact_number, account_number,
  email_address, default_currency, contact_status as status, is_customer, is_supplier
from {{ live('contacts') }} as c
