{# What documents post to each account in a month against Xero's journals of the same kinds of documents: where
the ledger comes from journals, facts and subledgers come from documents all the same. #}
with months as (select distinct tenant_id, month_end from {{ ref('xero_trial_balance') }}),
sums as (
  select
    tenant_id, period_end, account_key, sum(lakehouse) as lakehouse, sum(xero) as xero,
    max(case when lakehouse <> xero then 1 else 0 end) as differs
  from {{ ref('document_differences') }}
  group by 1, 2, 3
)
select
  s.tenant_id, 'documents' as check_name, 'accrual' as basis, s.period_end, s.account_key as subject,
  s.account_key, cast(s.lakehouse as decimal(18, 4)) as lakehouse, cast(s.xero as decimal(18, 4)) as xero,
  cast(0 as decimal(18, 4)) as explained, cast(null as string) as explanation
from sums as s
left join months as m on m.tenant_id = s.tenant_id and m.month_end = s.period_end
where m.tenant_id is not null or s.differs = 1
