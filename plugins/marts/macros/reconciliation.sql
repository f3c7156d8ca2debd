{# What Xero counts, nine streams that it pages. #}
{% macro counted_streams() -%}
{{ return(['contacts', 'invoices', 'credit_notes', 'prepayments', 'overpayments', 'payments', 'bank_transactions', 'purchase_orders', 'manual_journals']) }}
{%- endmacro %}

{# Stands for no day where days are compared. #}
{% macro no_day() -%}
cast('0001-01-01' as date)
{%- endmacro %}

{# The stream of the documents that post journals of a source type. Source: Xero, Journals, SourceType. #}
{% macro journal_stream(type) -%}
case
  when {{ type }} in ('ACCREC', 'ACCPAY') then 'invoices'
  when {{ type }} in ('ACCRECCREDIT', 'ACCPAYCREDIT') then 'credit_notes'
  when {{ type }} in ('CASHREC', 'CASHPAID') then 'bank_transactions'
  when {{ type }} = 'MANJOURNAL' then 'manual_journals'
  when {{ type }} like '%PREPAYMENT' then 'prepayments'
  when {{ type }} like '%OVERPAYMENT' then 'overpayments'
  when {{ type }} like '%PAYMENT' then 'payments'
end
{%- endmacro %}
