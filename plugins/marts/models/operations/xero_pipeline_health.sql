{# When each stream was last right, of each organisation where the tap says so (`stream_reads`), else of
all of them together. What was read to its end is right once it is loaded; where a stream fails to load
since, the last load that did not fail is what counts. #}
with loads as (
  select
    stream, max(case when error is null then finished_at end) as loaded_at,
    max(case when error is not null then finished_at end) as failed_at,
    max_by(error, case when error is not null then finished_at end) as error
  from {{ ref('stream_loads') }} group by stream
),
failing as (
  select stream, failed_at, error from loads where failed_at >= coalesce(loaded_at, failed_at)
),
readings as (
  select
    tenant_id, stream,
    max(case when outcome = 'complete' then begun_date_utc end) as complete_at,
    max(case when outcome <> 'complete' then begun_date_utc end) as unread_at,
    max_by(outcome, case when outcome <> 'complete' then begun_date_utc end) as unread_as,
    max_by(reason, case when outcome <> 'complete' then begun_date_utc end) as reason
  from {{ ref('stream_readings') }} group by tenant_id, stream
),
unread as (
  select tenant_id, stream, unread_at, unread_as, reason from readings
  where unread_at > complete_at or complete_at is null
)
select
  r.tenant_id, o.name as organisation, r.stream,
  case when f.stream is null then r.complete_at when l.loaded_at is not null then least(r.complete_at, l.loaded_at) end as right_at,
  coalesce(f.failed_at, u.unread_at) as failing_since,
  case when f.stream is not null then f.error else u.reason end as reason,
  case
    when f.stream is not null then 'failing'
    when u.unread_as = 'withheld' then 'withheld'
    when u.stream is not null then 'failing'
    else 'right'
  end as status
from readings as r
left join loads as l on l.stream = r.stream
left join failing as f on f.stream = r.stream
left join unread as u on u.tenant_id = r.tenant_id and u.stream = r.stream
left join {{ ref('dim_organisation') }} as o on o.tenant_id = r.tenant_id
union all
select
  cast(null as {{ 'string' if target.type == 'databricks' else 'varchar' }}), 'all organisations', l.stream,
  l.loaded_at, f.failed_at, f.error, case when f.stream is null then 'right' else 'failing' end
from loads as l
left join failing as f on f.stream = l.stream
where l.stream not in (select stream from readings)
