{# Every figure of the lakehouse that was compared with one of Xero, as it is now. The runs of
`marts:reconcile` append these rows to `xero_reconciliation`, which this reads for what was before.

A period that agreed while it was locked and has another figure now has changed after its close. It stays
so until the lock date moves on: whoever closes the next period signs the books off anew. #}
{%- set checks = [
    'count_checks', 'trial_balance_checks', 'statement_checks', 'bank_checks', 'open_amount_checks',
    'control_account_checks', 'document_checks', 'draft_checks',
] %}
{%- set subject = 'tenant_id, check_name, basis, period_end, subject' %}
with compared as (
  {%- for check in checks %}
  select {{ subject }}, account_key, lakehouse, xero, explained, explanation from {{ ref(check) }}
  {{ 'union all' if not loop.last }}
  {%- endfor %}
),
organisations as (
  select
    tenant_id, name, greatest(coalesce(period_lock_date, {{ no_day() }}), coalesce(end_of_year_lock_date, {{ no_day() }})) as lock_date
  from {{ ref('dim_organisation') }}
),
counted as (select tenant_id, max(counted_date_utc) as read_at from {{ live('stream_counts') }} as c group by 1),
checks as (
  select
    c.tenant_id, o.name as organisation, c.check_name, coalesce(c.basis, '') as basis,
    coalesce(c.period_end, {{ no_day() }}) as period_end, c.subject, c.account_key,
    coalesce(nullif(concat_ws(' ', a.code, a.name), ''), c.subject) as subject_name, c.lakehouse, c.xero,
    cast(c.lakehouse - c.xero as decimal(18, 4)) as difference,
    cast(c.lakehouse + c.explained - c.xero as decimal(18, 4)) as remainder, c.explanation,
    s.reason, o.lock_date,
    c.period_end is not null and c.period_end <= o.lock_date as locked, r.read_at
  from compared as c
  join organisations as o on o.tenant_id = c.tenant_id
  left join {{ ref('dim_account') }} as a on a.account_key = c.account_key
  left join {{ ref('ledger_sources') }} as s on s.tenant_id = c.tenant_id and s.basis = c.basis
  left join counted as r on r.tenant_id = c.tenant_id
),
history as (
  select
    tenant_id, check_name, basis, coalesce(period_end, {{ no_day() }}) as period_end, subject, xero, status, locked,
    lock_date, checked_at, read_at
  from {{ stated('xero', 'xero_reconciliation') }} as h
),
agreements as (
  select {{ subject }}, min(checked_at) as first_agreed
  from history where status in ('agrees', 'explained') group by {{ subject }}
),
lock_dates as (
  select o.tenant_id, min(h.checked_at) as since
  from organisations as o
  left join history as h on h.tenant_id = o.tenant_id and h.lock_date = o.lock_date
  group by o.tenant_id
),
closings as (
  select
    h.tenant_id, h.check_name, h.basis, h.period_end, h.subject,
    coalesce(max(case when l.since is null or h.checked_at < l.since then h.checked_at end), min(h.checked_at)) as checked_at
  from history as h
  join lock_dates as l on l.tenant_id = h.tenant_id
  where h.locked and h.status in ('agrees', 'explained', 'changed_after_close')
  group by h.tenant_id, h.check_name, h.basis, h.period_end, h.subject
),
closed as (
  select h.tenant_id, h.check_name, h.basis, h.period_end, h.subject, h.xero, h.checked_at, h.read_at
  from history as h
  join closings as c
    on c.tenant_id = h.tenant_id and c.check_name = h.check_name and c.basis = h.basis
    and c.period_end = h.period_end and c.subject = h.subject and c.checked_at = h.checked_at
),
judged as (
  select
    c.*, f.first_agreed, p.xero as closed_figure, p.read_at as closed_at,
    case
      when c.reason is not null then 'not_checkable'
      when c.remainder <> 0 then 'differs'
      when p.xero <> c.xero then 'changed_after_close'
      when c.difference <> 0 then 'explained'
      else 'agrees'
    end as status
  from checks as c
  {%- for name, relation in [('f', 'agreements'), ('p', 'closed')] %}
  left join {{ relation }} as {{ name }}
    on {{ name }}.tenant_id = c.tenant_id and {{ name }}.check_name = c.check_name and {{ name }}.basis = c.basis
    and {{ name }}.period_end = c.period_end and {{ name }}.subject = c.subject
  {%- endfor %}
),
suspects as (
  select
    j.tenant_id, j.check_name, j.basis, j.period_end, j.subject, s.document_id, s.document || ' (' || s.reason || ')' as document,
    s.place, case when abs(s.amount) = abs(j.difference) then 0 else 1 end as is_part,
    abs({{ dbt.datediff('s.period_end', 'j.period_end', 'day') }}) as distance,
    row_number() over (
      partition by j.tenant_id, j.check_name, j.basis, j.period_end, j.subject, s.document_id order by s.place
    ) as repetition
  from judged as j
  join {{ ref('suspect_documents') }} as s
    on s.tenant_id = j.tenant_id and (s.account_key = j.account_key or s.account_key is null or j.account_key is null)
    and case
      when j.status = 'changed_after_close'
        then s.place = 4 and s.updated_at >= j.closed_at and s.period_end <= j.period_end
      when j.check_name = 'open document' then s.document_id = j.subject and s.place in (1, 3)
      when j.check_name = 'open amounts' then s.place = 3
      when j.check_name = 'count'
        then s.place in (0, 1) and s.stream = j.subject and case when j.difference < 0 then s.is_missing else s.is_extra end
      when s.place = 0 then false
      when s.place = 3 then abs(s.amount) = abs(j.difference)
      when s.place in (4, 5) and abs(s.amount) <> abs(j.difference) then false
      {#- Of a document in the wrong month, the right one has no trace. #}
      when s.place = 4 and j.check_name = 'movement' then true
      when j.check_name in ('movement', 'documents') then s.period_end = j.period_end
      else s.period_end <= j.period_end
    end
  where j.status in ('differs', 'changed_after_close')
),
ordered as (
  select *, row_number() over (partition by {{ subject }} order by place, is_part, distance, document) as number
  from suspects where repetition = 1
),
named as (
  select {{ subject }}, {{ listed('document', 'number') }} as documents
  from ordered where number <= 5 group by {{ subject }}
)
select
  j.tenant_id, j.organisation, j.check_name, j.basis, nullif(j.period_end, {{ no_day() }}) as period_end, j.subject,
  j.subject_name, j.lakehouse, j.xero, j.difference, j.status,
  case
    when j.status = 'not_checkable' then j.reason
    when j.status = 'changed_after_close'
      then 'Xero said ' || cast(j.closed_figure as string) || ' when the period was closed'
    when j.status in ('explained', 'agrees') then j.explanation
    when j.remainder <> j.difference
      then cast(j.remainder as string) || ' of it is left after: ' || coalesce(j.explanation, '')
  end as explanation,
  n.documents, j.locked, j.lock_date, j.first_agreed, j.read_at
from judged as j
left join named as n
  on n.tenant_id = j.tenant_id and n.check_name = j.check_name and n.basis = j.basis
  and n.period_end = j.period_end and n.subject = j.subject
