{# By stream that Xero counts, the columns of its id and of what people call a row of it. #}
{% macro identities() -%}
{{ return({
    'contacts': ('contact_id', 'name'), 'invoices': ('invoice_id', 'invoice_number'),
    'credit_notes': ('credit_note_id', 'credit_note_number'), 'prepayments': ('prepayment_id', 'reference'),
    'overpayments': ('overpayment_id', 'reference'), 'payments': ('payment_id', 'reference'),
    'bank_transactions': ('bank_transaction_id', 'reference'),
    'purchase_orders': ('purchase_order_id', 'purchase_order_number'),
    'manual_journals': ('manual_journal_id', 'narration'),
}) }}
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
