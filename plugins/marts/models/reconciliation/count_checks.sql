{# Rows of each stream that Xero counts. Rows that the users have flagged are in Xero like all others. #}
with rows_there as (
  {%- for stream in identities() %}
  select '{{ stream }}' as stream, tenant_id, count(*) as rows_there
  from {{ stated('xero', stream) }} as r
  where _sdc_deleted_at is null group by tenant_id
  {{ 'union all' if not loop.last }}
  {%- endfor %}
)
select
  c.tenant_id, 'count' as check_name, cast(null as string) as basis, cast(null as date) as period_end,
  c.stream as subject, cast(null as string) as account_key,
  cast(coalesce(r.rows_there, 0) as decimal(18, 4)) as lakehouse, cast(c.item_count as decimal(18, 4)) as xero,
  cast(0 as decimal(18, 4)) as explained, cast(null as string) as explanation
from {{ live('stream_counts') }} as c
left join rows_there as r on r.tenant_id = c.tenant_id and r.stream = c.stream
