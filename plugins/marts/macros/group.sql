{# Amounts of organisations in the currency of the group. #}

{# The joins that bring an organisation's base currency and the rate of a day to rows of a table. #}
{% macro with_rates(table, day) -%}
join {{ ref('dim_organisation') }} as o on o.tenant_id = {{ table }}.tenant_id
  cross join {{ ref('group_currency') }} as g
  left join {{ ref('exchange_rates') }} as r
    on r.currency = o.base_currency and r.valid_from <= {{ day }}
    and (r.valid_before is null or r.valid_before > {{ day }})
{%- endmacro %}

{# The columns that come of it: amount, its currency, and whether that is the group's. #}
{% macro in_group(amount) -%}
o.base_currency = g.currency or r.rate is not null as is_converted,
  case when o.base_currency = g.currency or r.rate is not null then g.currency else o.base_currency end as currency,
  case
    when r.rate is null then {{ amount }}
    when r.is_inverse then {{ times(amount, 'r.rate') }}
    else {{ to_base(amount, 'r.rate') }}
  end as amount
{%- endmacro %}
