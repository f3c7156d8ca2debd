{# What DuckDB and Databricks write differently, and nothing else. #}

{# One row for each element of an array, in a SELECT list. #}
{% macro elements(column) -%}
{{ 'explode' if target.type == 'databricks' else 'unnest' }}({{ column }})
{%- endmacro %}

{# One row for each day from the first to the last, in a SELECT list; both are dates. #}
{% macro days(first, last) -%}
{%- if target.type == 'databricks' -%}
explode(sequence({{ first }}, {{ last }}, interval 1 day))
{%- else -%}
cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date)
{%- endif -%}
{%- endmacro %}

{# A date some days later. #}
{% macro days_later(date, days) -%}
{%- if target.type == 'databricks' -%}date_add({{ date }}, cast({{ days }} as int))
{%- else -%}cast({{ date }} + cast({{ days }} as integer) as date)
{%- endif -%}
{%- endmacro %}

{# The day of a moment in UTC, whatever time zone the session has. #}
{% macro utc_day(moment) -%}
{%- if target.type == 'databricks' -%}cast(to_utc_timestamp({{ moment }}, current_timezone()) as date)
{%- else -%}cast({{ moment }} at time zone 'UTC' as date)
{%- endif -%}
{%- endmacro %}

{# After a feature table is written: its primary key with the column of time, which Unity Catalog wants of a
feature table. DuckDB needs none. #}
{% macro feature_key(columns, time) -%}
{%- if target.type == 'databricks' -%}
{%- set statements = [] -%}
{%- for column in columns + [time] -%}
{%- do statements.append('alter table {{ this }} alter column ' ~ column ~ ' set not null') -%}
{%- endfor -%}
{%- do statements.append('alter table {{ this }} drop primary key if exists') -%}
{%- do statements.append('alter table {{ this }} add primary key (' ~ columns | join(', ') ~ ', ' ~ time ~ ' timeseries)') -%}
{{ return(statements) }}
{%- else -%}
{{ return([]) }}
{%- endif -%}
{%- endmacro %}

{# An amount of a document in base currency: amount / rate, to the cent, half away from zero, exactly.

DuckDB divides decimals as doubles, so there it is done in integers: of an amount with 4 places and a
rate with 10, 2 a 10^8 / (2 r) is the number of cents. On Databricks the quotient of these types has at
least 14 places, and no quotient of a rate with 10 places is nearer to half a cent than that. #}
{% macro to_base(amount, rate) -%}
{%- set scaled = 'cast(abs(' ~ amount ~ ') * 10000 as hugeint)' -%}
{%- set divisor = 'cast(' ~ rate ~ ' * 10000000000 as hugeint)' -%}
cast(case
    when coalesce({{ rate }}, 0) in (0, 1) then {{ amount }}
    {% if target.type == 'databricks' -%}
    else sign({{ amount }})
      * round(cast(abs({{ amount }}) as decimal(18, 4)) / cast({{ rate }} as decimal(18, 10)), 2)
    {%- else -%}
    else sign({{ amount }})
      * cast((2 * {{ scaled }} * 100000000 + {{ divisor }}) // (2 * {{ divisor }}) as decimal(36, 2))
      / cast(100 as decimal(3, 0))
    {%- endif %}
  end as decimal(18, 4))
{%- endmacro %}

{# An amount times a rate, to the cent, half away from zero, exactly. #}
{% macro times(amount, rate) -%}
{%- set scaled = 'cast(abs(' ~ amount ~ ') * 10000 as hugeint)' -%}
{%- if target.type == 'databricks' -%}
cast(sign({{ amount }})
    * round(cast(abs({{ amount }}) as decimal(18, 4)) * cast({{ rate }} as decimal(18, 10)), 2) as decimal(18, 4))
{%- else -%}
cast(sign({{ amount }})
    * cast(({{ scaled }} * cast({{ rate }} * 10000000000 as hugeint) + 500000000000) // 1000000000000 as decimal(36, 2))
    / cast(100 as decimal(3, 0)) as decimal(18, 4))
{%- endif -%}
{%- endmacro %}

{# The values of a group that are not null, each once, in order, with commas; null where there is none. #}
{% macro listing(value) -%}
{%- if target.type == 'databricks' -%}nullif(array_join(array_sort(collect_set({{ value }})), ', '), '')
{%- else -%}string_agg(distinct {{ value }}, ', ' order by {{ value }})
{%- endif -%}
{%- endmacro %}

{# The type of a list of tracking options on a line. #}
{% macro tracking_type() -%}
{%- set members = ['tracking_category_id', 'tracking_option_id', 'name', 'option'] -%}
{%- if target.type == 'databricks' -%}array<struct<{% for m in members %}{{ m }}: string{{ ', ' if not loop.last }}{% endfor %}>>
{%- else -%}struct({% for m in members %}"{{ m }}" varchar{{ ', ' if not loop.last }}{% endfor %})[]
{%- endif -%}
{%- endmacro %}

{# Whole numbers of up to 38 digits: the type, and a quotient that is whole. #}
{% macro whole(number) -%}
cast({{ number }} as {{ 'decimal(38, 0)' if target.type == 'databricks' else 'hugeint' }})
{%- endmacro %}

{% macro whole_quotient(number, divisor) -%}
({{ number }} {{ 'div' if target.type == 'databricks' else '//' }} {{ divisor }})
{%- endmacro %}

{# Texts of a group in one, in an order, with a comma between. #}
{% macro listed(text, order) -%}
{%- if target.type == 'databricks' -%}
array_join(transform(array_sort(collect_list(struct({{ order }} as o, {{ text }} as t))), each -> each.t), ', ')
{%- else -%}
string_agg({{ text }}, ', ' order by {{ order }})
{%- endif -%}
{%- endmacro %}
