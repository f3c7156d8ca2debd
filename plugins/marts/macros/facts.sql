{# A fact of document lines: keys into the dimensions, and amounts in document and base currency. #}
{% macro document_line_fact(condition) -%}
select
  {{ key('line_item_id') }} as line_key, tenant_id, document_id, document_number, reference, type,
  status, is_posted, date, due_date,
  {{ key('contact_id') }} as contact_key, {{ key('account_id') }} as account_key,
  {{ key('item_id') }} as item_key, {{ key('tax_type') }} as tax_rate_key,
  {{ option_key('tracking', 1) }} as tracking_option_1_key,
  {{ option_key('tracking', 2) }} as tracking_option_2_key,
  {{ key('currency_code') }} as currency_key, currency_rate, description, quantity, unit_amount,
  discount_rate, discount_amount, net_amount, tax_amount, gross_amount, net_base, tax_base,
  cast(net_base + tax_base as decimal(18, 4)) as gross_base
from {{ ref('document_lines') }}
where {{ condition }}
{%- endmacro %}
