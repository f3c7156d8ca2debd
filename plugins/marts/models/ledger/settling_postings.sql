{# Which document each payment settles, by the id that its posting has. #}
with claims as (
  select tenant_id, expense_claim_id, {{ elements('payments') }} as payment
  from {{ live('expense_claims') }} as e where status in ('AUTHORISED', 'PAID')
)
select tenant_id, payment_id as source_id, document_id from {{ ref('fct_payments') }} where is_posted
union all
select tenant_id, payment.payment_id, expense_claim_id from claims
