{# The key of a row of one organisation in a dimension or a fact; null where the id is. #}
{% macro key(id, tenant='tenant_id') -%}
{{ tenant }} || ':' || {{ id }}
{%- endmacro %}

{# The option of a tracking category on a line: a line has at most one of each of two categories. #}
{% macro option_key(tracking, place, tenant='tenant_id') -%}
{{ tenant }} || ':' || {% if target.type == 'databricks' -%}
try_element_at({{ tracking }}, {{ place }})
{%- else -%}{{ tracking }}[{{ place }}]
{%- endif -%}.tracking_option_id
{%- endmacro %}
