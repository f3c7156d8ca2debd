{# What the ledger says at each period end that Xero's trial balance or balance sheet was read for.

`own` is what journals or documents say, `explained` what only Xero's own trial balance knows and a named
rule explains. Accounts of profit and loss run since the financial year began, as in `trial_balance`. #}
with ends as (
  select tenant_id, basis, month_end as period_end from {{ ref('xero_trial_balance') }}
  union
  select tenant_id, 'accrual', period_end from {{ live('balance_sheet') }} as b
),
periods as (
  select e.tenant_id, e.basis, e.period_end, {{ financial_year('e.period_end', 'o') }} as year_start
  from ends as e
  join {{ ref('dim_organisation') }} as o on o.tenant_id = e.tenant_id
),
movements as (
  select
    l.tenant_id, l.basis, l.account_key, l.source = 'xero_report' as is_explained,
    cast(last_day(l.journal_date) as date) as month_end, {{ financial_year('l.journal_date', 'o') }} as year_start,
    max(case when l.source = 'xero_report' then l.description end) as explanation, sum(l.net_amount) as net_amount
  from {{ ref('general_ledger') }} as l
  join {{ ref('dim_organisation') }} as o on o.tenant_id = l.tenant_id
  group by 1, 2, 3, 4, 5, 6
),
placed as (
  select
    p.tenant_id, p.basis, p.period_end, m.is_explained, m.net_amount, m.explanation,
    case
      when a.is_profit_and_loss and m.year_start < p.year_start then {{ key('s.retained_earnings', 'p.tenant_id') }}
      else m.account_key
    end as account_key,
    m.month_end = p.period_end and (m.year_start = p.year_start or not a.is_profit_and_loss) as is_movement
  from periods as p
  join movements as m on m.tenant_id = p.tenant_id and m.basis = p.basis and m.month_end <= p.period_end
  join {{ ref('dim_account') }} as a on a.account_key = m.account_key
  join {{ ref('system_accounts') }} as s on s.tenant_id = p.tenant_id
)
select
  tenant_id, basis, period_end, account_key,
  {%- for name, condition in [('own', 'not is_explained'), ('explained', 'is_explained')] %}
  cast(sum(case when {{ condition }} then net_amount else 0 end) as decimal(18, 4)) as {{ name }}_balance,
  cast(sum(case when {{ condition }} and is_movement then net_amount else 0 end) as decimal(18, 4)) as {{ name }}_movement,
  {%- endfor %}
  max(explanation) as explanation
from placed
group by 1, 2, 3, 4
