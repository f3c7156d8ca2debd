{# From one period's revenue to the next one's: opening + new + returned + expansion - contraction - lost =
closing; and the customers behind it. Retention and churn are of what was there at the opening. #}
select
  period, tenant_id, period_start,
  cast(sum(opening) as decimal(18, 4)) as opening,
  {%- for change, sign in [('new', 1), ('returned', 1), ('expansion', 1), ('contraction', -1), ('lost', -1)] %}
  cast(sum(case when change = '{{ change }}' then {{ sign }} * (closing - opening) else 0 end) as decimal(18, 4)) as {{ change }},
  {%- endfor %}
  cast(sum(closing) as decimal(18, 4)) as closing,
  {%- for name, condition in [
    ('opening', 'opening <> 0'), ('new', "change = 'new'"), ('returned', "change = 'returned'"),
    ('lost', "change = 'lost'"), ('closing', 'closing <> 0'),
  ] %}
  cast(sum(case when {{ condition }} then 1 else 0 end) as bigint) as {{ name }}_customers,
  {%- endfor %}
  {{ share("sum(case when change in ('contraction', 'lost') then closing else opening end)", 'sum(opening)') }} as gross_retention,
  {{ share('sum(case when opening <> 0 then closing else 0 end)', 'sum(opening)') }} as net_retention,
  {{ share("sum(case when change = 'lost' then 1 else 0 end)", 'sum(case when opening <> 0 then 1 else 0 end)') }} as customer_churn
from {{ ref('customer_changes') }}
group by 1, 2, 3
