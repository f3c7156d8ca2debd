{# The tables as the public package fivetran/dbt_xero reads them: for each organisation a schema of its own,
as that package wants it, with the tables of models/fivetran.yml.

    dbt run-operation fivetran_views

Views on Databricks. On DuckDB tables, since there the sources are seen by dbt alone. #}
{% macro fivetran_views(prefix='xero') %}
{%- set schemas = [] -%}
{%- for tenant_id, name in run_query('select distinct tenant_id, name from ' ~ stated('fivetran', 'organisations') ~ ' where _sdc_deleted_at is null order by 2, 1').rows -%}
{%- set slug = modules.re.sub('[^a-z0-9]+', '_', name | lower).strip('_') -%}
{%- set schema = prefix ~ '_' ~ (slug or tenant_id[:8]) -%}
{%- if schema in schemas -%}{%- set schema = schema ~ '_' ~ tenant_id[:8] -%}{%- endif -%}
{%- do schemas.append(schema) -%}
{%- do run_query('create schema if not exists ' ~ schema) -%}
{%- for node in graph.sources.values() if node.source_name == 'fivetran' -%}
{%- for view, text in fivetran_selects(node, tenant_id).items() -%}
{%- do run_query('create or replace ' ~ ('view' if target.type == 'databricks' else 'table') ~ ' ' ~ schema ~ '.' ~ view ~ ' as ' ~ text) -%}
{%- endfor -%}
{%- endfor -%}
{%- endfor -%}
{%- do log('Made for fivetran/dbt_xero, whose project states them as:\nvars:\n  xero_sources:', info=true) -%}
{%- for schema in schemas -%}
{%- do log('    - {name: ' ~ schema ~ ', database: ' ~ target.database ~ ', schema: ' ~ schema ~ '}', info=true) -%}
{%- endfor -%}
{% endmacro %}

{# The views of a table, by name. #}
{% macro fivetran_selects(node, tenant_id) %}
{%- set meta = node.meta -%}
{%- set rows = fivetran_rows(node.name, meta['columns'], tenant_id) -%}
{%- set synced = 'cast(' ~ ('_sdc_extracted_at' if '_sdc_extracted_at' in meta['columns'] else 'null') ~ ' as timestamp) as _fivetran_synced' -%}
{%- set other = meta.get('other', {}) -%}
{%- set plain = ['string', 'date', 'bigint', 'boolean', 'timestamp', 'amount', 'rate'] -%}
{%- set columns = [] -%}
{%- for column, type in meta['columns'].items() if type in plain and column not in other and column != 'tenant_id' and not column.startswith('_sdc_') -%}
{%- do columns.append(column) -%}
{%- endfor -%}
{%- for column, expression in other.items() -%}
{%- do columns.append(expression ~ ' as ' ~ column) -%}
{%- endfor -%}
{%- set selects = {meta['view']: 'select ' ~ columns | join(', ') ~ ', ' ~ synced ~ ' from ' ~ rows} -%}
{%- if 'options' in meta -%}
{%- set keys = meta['options']['keys'] | join(', ') -%}
{%- do selects.update({meta['view'] ~ '_has_tracking_category': 'select ' ~ keys ~ ', each.option, each.tracking_category_id, each.tracking_option_id as tracking_category_option_id, ' ~ synced ~ ' from (select *, ' ~ elements(meta['options']['of']) ~ ' as each from ' ~ rows ~ ') as lines'}) -%}
{%- endif -%}
{%- if 'pairs' in meta -%}
{%- do selects.update({meta['pairs']['view']: 'select ' ~ meta['pairs']['keys'] | join(', ') ~ ', ' ~ synced ~ ' from ' ~ rows}) -%}
{%- endif -%}
{{ return(selects) }}
{% endmacro %}

{# Rows of one organisation that are there. An option's own `is_deleted` is Xero's, and stays. #}
{% macro fivetran_rows(name, columns, tenant_id) -%}
{%- set flag = ' and coalesce(is_deleted, false) = false' if 'is_deleted' in columns and '_sdc_extracted_at' in columns else '' -%}
{{ return('(select * from ' ~ stated('fivetran', name) ~ " where tenant_id = '" ~ tenant_id ~ "' and _sdc_deleted_at is null" ~ flag ~ ') as there') }}
{%- endmacro %}
