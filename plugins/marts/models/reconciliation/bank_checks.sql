{# What every bank account opened and closed with, against Xero's bank summary. #}
with figures as (
  select
    tenant_id, period_start, period_end, account_id,
    sum(case when measure = 'Opening Balance' then amount else 0 end) as opening,
    sum(case when measure = 'Closing Balance' then amount else 0 end) as closing
  from {{ live('bank_summary') }} as b
  where account_id is not null
  group by 1, 2, 3, 4
),
postings as (
  select
    f.*, {{ key('f.account_id', 'f.tenant_id') }} as account_key, l.source, l.net_amount, l.description,
    l.journal_date < f.period_start as is_before
  from figures as f
  left join {{ ref('general_ledger') }} as l
    on l.account_key = {{ key('f.account_id', 'f.tenant_id') }} and l.basis = 'accrual' and l.journal_date <= f.period_end
)
{%- for name, figure, condition in [('opening balance', 'opening', 'is_before'), ('closing balance', 'closing', 'true')] %}
select
  tenant_id, 'bank {{ name }}' as check_name, 'accrual' as basis, period_end, account_key as subject, account_key,
  cast(sum(case when source <> 'xero_report' and {{ condition }} then net_amount else 0 end) as decimal(18, 4)) as lakehouse,
  cast(max({{ figure }}) as decimal(18, 4)) as xero,
  cast(sum(case when source = 'xero_report' and {{ condition }} then net_amount else 0 end) as decimal(18, 4)) as explained,
  max(case when source = 'xero_report' then description end) as explanation
from postings
group by tenant_id, period_end, account_key
{{ 'union all' if not loop.last }}
{%- endfor %}
