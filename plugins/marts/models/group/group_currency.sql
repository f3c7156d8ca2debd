{# The currency of the group view: the one that was chosen, else the base currency of most organisations. #}
{%- set chosen = var('group_currency') or env_var('MARTS_GROUP_CURRENCY', '') %}
{%- if chosen %}
select cast('{{ chosen | upper }}' as string) as currency
{%- else %}
select base_currency as currency
from {{ ref('dim_organisation') }}
group by base_currency
order by count(*) desc, base_currency
limit 1
{%- endif %}
