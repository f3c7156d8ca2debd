{# Accounts that Xero posts to by itself, one row an organisation. #}
{%- set roles = {
    'debtors': 'DEBTORS', 'creditors': 'CREDITORS', 'tax': 'GST', 'rounding': 'ROUNDING',
    'expense_claims': 'UNPAIDEXPCLM', 'realised_gain': 'REALISEDCURRENCYGAIN',
    'retained_earnings': 'RETAINEDEARNINGS',
} %}
select
  tenant_id
  {%- for role, system_account in roles.items() %},
  max(case when system_account = '{{ system_account }}' then account_id end) as {{ role }}
  {%- endfor %}
from {{ live('accounts') }} as a
group by tenant_id
