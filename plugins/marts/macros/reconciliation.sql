{# What Xero counts, nine streams that it pages. #}
{% macro counted_streams() -%}
{{ return(['contacts', 'invoices', 'credit_notes', 'prepayments', 'overpayments', 'payments', 'bank_transactions', 'purchase_orders', 'manual_journals']) }}
{%- endmacro %}

{# Stands for no day where days are compared. #}
{% macro no_day() -%}
cast('0001-01-01' as date)
{%- endmacro %}
