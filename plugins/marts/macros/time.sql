{# The day up to which statements run. #}
{% macro as_of() -%}
{%- set day = env_var('MARTS_AS_OF', '') -%}
{%- if day -%}cast('{{ day }}' as date){%- else -%}current_date{%- endif -%}
{%- endmacro %}

{# The first day of the financial year that a date is in, by an organisation's last day of the year. #}
{% macro financial_year(date, organisation) -%}
{%- set this = year_end('year(' ~ date ~ ')', organisation) -%}
{%- set last = year_end('year(' ~ date ~ ') - 1', organisation) -%}
{{ days_later('case when ' ~ this ~ ' < ' ~ date ~ ' then ' ~ this ~ ' else ' ~ last ~ ' end', 1) }}
{%- endmacro %}

{# The last day of the financial year that ends in a calendar year; day 31 is the last of any month. #}
{% macro year_end(year, organisation) -%}
{%- set first = 'make_date(cast(' ~ year ~ ' as int), ' ~ organisation ~ '.financial_year_end_month, 1)' -%}
least(cast(last_day({{ first }}) as date), {{ days_later(first, organisation ~ '.financial_year_end_day - 1') }})
{%- endmacro %}

{# Months of the calendar from one date to another. #}
{% macro months_between(first, last) -%}
cast(12 * (year({{ last }}) - year({{ first }})) + month({{ last }}) - month({{ first }}) as int)
{%- endmacro %}

{# The last day of the month some months before that of a month's end. #}
{% macro months_earlier(month_end, months) -%}
cast(last_day({{ month_end }} - interval {{ months }} month) as date)
{%- endmacro %}
