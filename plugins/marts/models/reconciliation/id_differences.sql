{# Rows that Xero lists and the tables do not have, and the other way round. Of streams and organisations
whose ids were read with the last count; `marts:reconcile` reads them where counts differ. #}
with readings as (
  select i.tenant_id, i.stream, max(i.read_date_utc) as read_at
  from {{ live('stream_ids') }} as i
  join {{ live('stream_counts') }} as c on c.tenant_id = i.tenant_id and c.stream = i.stream
  group by i.tenant_id, i.stream, c.counted_date_utc
  having abs({{ dbt.datediff('max(i.read_date_utc)', 'c.counted_date_utc', 'minute') }}) <= 10
),
theirs as (
  select i.tenant_id, i.stream, i.record_id, i.number
  from {{ live('stream_ids') }} as i
  join readings as r on r.tenant_id = i.tenant_id and r.stream = i.stream and r.read_at = i.read_date_utc
),
all_rows as (
  {%- for stream, columns in identities().items() %}
  select tenant_id, '{{ stream }}' as stream, {{ columns[0] }} as record_id, {{ columns[1] }} as number
  from {{ stated('xero', stream) }} as d where _sdc_deleted_at is null
  {{ 'union all' if not loop.last }}
  {%- endfor %}
),
ours as (
  select a.* from all_rows as a
  join readings as r on r.tenant_id = a.tenant_id and r.stream = a.stream
)
select
  coalesce(o.tenant_id, t.tenant_id) as tenant_id, coalesce(o.stream, t.stream) as stream,
  coalesce(o.record_id, t.record_id) as record_id,
  coalesce(nullif(o.number, ''), nullif(t.number, ''), o.record_id, t.record_id) as number,
  o.record_id is null as is_missing, t.record_id is null as is_extra
from ours as o
full join theirs as t on t.tenant_id = o.tenant_id and t.stream = o.stream and t.record_id = o.record_id
where o.record_id is null or t.record_id is null
