{#- A view, as it is to be right when a reconciliation has ended, not with the next build; where there
are no views of the lakehouse's tables there is none. -#}
{{ config(materialized='view', enabled=(target.type == 'databricks')) }}
{%- set history = stated('xero', 'xero_reconciliation') %}
with history as (select * from {{ history }} as h),
latest as (select tenant_id, max(checked_at) as checked_at from history group by tenant_id)
select
  h.tenant_id, h.organisation, h.check_name, h.basis, h.period_end, h.subject, h.subject_name, h.lakehouse,
  h.xero, h.difference, h.status, h.explanation, h.documents, h.locked, h.first_agreed, h.checked_at
from history as h
join latest as l on l.tenant_id = h.tenant_id and l.checked_at = h.checked_at
