{# A share of a whole with 4 places; null where there is no whole. #}
{% macro share(part, whole) -%}
cast(cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0) as decimal(18, 4))
{%- endmacro %}

{# The average of a column with 1 place, weighted where a weight is named. #}
{% macro average(column, weight='1') -%}
cast(cast(sum({{ column }} * {{ weight }}) as double) / nullif(cast(sum({{ weight }}) as double), 0) as decimal(18, 1))
{%- endmacro %}
