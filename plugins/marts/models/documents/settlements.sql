{# What was set against each document and when: payments, refunds, and credit from both of its ends. #}
select tenant_id, document_id, date, amount from {{ ref('fct_payments') }} where is_posted
union all
select tenant_id, invoice_id, date, amount from {{ ref('fct_allocations') }}
union all
select tenant_id, credit_id, date, amount from {{ ref('fct_allocations') }}
