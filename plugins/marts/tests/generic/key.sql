{# The columns say which row it is: no two rows have the same ones, and none of them is null. #}
{% test key(model, columns) %}
select {{ columns | join(', ') }}, count(*) as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 {%- for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}
