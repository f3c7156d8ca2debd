{# Assets, liabilities and equity of all organisations in the group's currency, at the latest rate on or before
the period's end. What there is no rate for stays in its own currency. Cents that conversion line by line
leaves over are a line of equity, so that each organisation's balance sheet balances. #}
with converted as (
  select
    b.tenant_id, b.month_end, b.position, b.section, b.class, b.code, b.account, b.account_key, b.amount as own_amount,
    {{ in_group('b.amount') }}
  from {{ ref('balance_sheet') }} as b
  {{ with_rates('b', 'b.month_end') }}
  where b.basis = 'accrual'
),
cents as (
  select
    c.tenant_id, c.month_end, s.position, s.section, 'EQUITY' as class, cast(null as string) as code,
    'Rounding of the conversion' as account, cast(null as string) as account_key, 0 as own_amount, c.currency,
    c.is_converted, sum(case when c.class = 'ASSET' then c.amount else -c.amount end) as amount
  from converted as c
  join {{ ref('statement_sections') }} as s on s.type = 'EQUITY'
  group by c.tenant_id, c.month_end, s.position, s.section, c.currency, c.is_converted
  having sum(case when c.class = 'ASSET' then c.amount else -c.amount end) <> 0
),
both_kinds as (
  select
    tenant_id, month_end, position, section, class, code, account, account_key, currency, is_converted, amount, own_amount
  from converted
  union all
  select
    tenant_id, month_end, position, section, class, code, account, account_key, currency, is_converted, amount, own_amount
  from cents
)
select
  tenant_id, month_end, position, section, class, code, account, account_key, currency, is_converted,
  cast(amount as decimal(18, 4)) as amount, cast(own_amount as decimal(18, 4)) as own_amount
from both_kinds
