{%- for report in ['aged_receivables', 'aged_payables'] %}
select '{{ report }}' as report, tenant_id, month_end, contact_key, total_base
from {{ ref(report) }}
where total_base <> current_base + less_than_1_month_base + months_1_base + months_2_base + months_3_base + older_base
{{ 'union all' if not loop.last }}
{%- endfor %}
