{# A notice: documents that are drafts or wait for approval, by month. They are in neither ledger. #}
with drafts as (
  select tenant_id, cast(last_day(date) as date) as period_end, type, count(*) as number, sum(total) as total
  from {{ ref('documents') }} where status in ('DRAFT', 'SUBMITTED') and kind <> 'purchase_order' group by 1, 2, 3
)
select
  tenant_id, 'drafts' as check_name, cast(null as string) as basis, period_end, type as subject,
  cast(null as string) as account_key, cast(0 as decimal(18, 4)) as lakehouse, cast(0 as decimal(18, 4)) as xero,
  cast(0 as decimal(18, 4)) as explained,
  cast(number as string) || ' of ' || cast(cast(total as decimal(18, 2)) as string) || ' are not approved yet' as explanation
from drafts
