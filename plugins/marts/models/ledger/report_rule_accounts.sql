{# Accounts of each rule that explains what only Xero's own trial balance knows. #}
{%- for rule, facts in report_rules().items() %}
select
  '{{ rule }}' as rule, a.tenant_id, a.account_key, coalesce({{ facts.anchor }}, false) as is_anchor,
  {{ facts.journals }} as holds_for_journals, {{ facts.opening }} as is_of_opening,
  {{ facts.one_partner }} as may_leave_a_remainder, '{{ facts.description }}' as description
from {{ ref('dim_account') }} as a
join {{ ref('dim_organisation') }} as o on o.tenant_id = a.tenant_id
where {{ facts.anchor }} or {{ facts.partner }}
{{ 'union all' if not loop.last }}
{%- endfor %}
