{# Organisations of which documents that post are in the tables. #}
{%- for table in document_tables() %}
select tenant_id from {{ live(table) }} as d
{{ 'union' if not loop.last }}
{%- endfor %}
