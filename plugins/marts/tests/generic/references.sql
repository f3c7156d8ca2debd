{# Each column, where it is not null, is a key of its dimension. A dimension without any row is of a stream that
was not chosen, and nothing can be a key of it. #}
{% test references(model, dimensions) %}
{%- for column, dimension in dimensions.items() %}
{%- set key = 'tenant_id' if dimension == 'dim_organisation' else dimension[4:] ~ '_key' %}
select '{{ column }}' as column_name, m.{{ column }} as orphan
from {{ model }} as m
left join {{ ref(dimension) }} as d on d.{{ key }} = m.{{ column }}
where m.{{ column }} is not null and d.{{ key }} is null and exists (select 1 from {{ ref(dimension) }})
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endtest %}
