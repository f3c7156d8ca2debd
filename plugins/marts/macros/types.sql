{# Types of documents and payments as Xero's journals call them. Source: Xero, Journals, SourceType. #}
{% macro journal_type(type) -%}
{%- set names = {
    'RECEIVE': 'CASHREC', 'SPEND': 'CASHPAID',
    'RECEIVE-PREPAYMENT': 'ARPREPAYMENT', 'SPEND-PREPAYMENT': 'APPREPAYMENT',
    'RECEIVE-OVERPAYMENT': 'AROVERPAYMENT', 'SPEND-OVERPAYMENT': 'APOVERPAYMENT',
    'ARPREPAYMENTPAYMENT': 'ARPREPAYMENT', 'APPREPAYMENTPAYMENT': 'APPREPAYMENT',
    'AROVERPAYMENTPAYMENT': 'AROVERPAYMENT', 'APOVERPAYMENTPAYMENT': 'APOVERPAYMENT',
} -%}
case {{ type }}
  {%- for name, other in names.items() %} when '{{ name }}' then '{{ other }}'{% endfor %}
  else {{ type }} end
{%- endmacro %}

{# Tables of the documents that a ledger without journals is made of. #}
{% macro document_tables() -%}
{{ return(['invoices', 'credit_notes', 'bank_transactions', 'payments', 'bank_transfers', 'manual_journals', 'expense_claims']) }}
{%- endmacro %}
