{# What only Xero's own trial balance knows, as postings at month ends, where a named rule explains it.

A rule posts in a month only what balances: all its differences where they cancel out; or else its anchors
and the one partner that is their exact other side; or, of accounts that Xero alone posts to, with a single
partner, whose remainder stays a difference. What is before the first document of an organisation are its
conversion balances. Anything else is not posted, and the reconciliation says `differs`. #}
with first_documents as (
  select tenant_id, basis, min(journal_date) as first_day from {{ ref('ledger_postings') }}
  where source_type not in ('MANJOURNAL', 'PAYSLIP') and coalesce(source_id, '') <> ''
  group by tenant_id, basis
),
differences as (
  select d.*, d.month_end < f.first_day as is_conversion
  from {{ ref('xero_differences') }} as d
  join first_documents as f on f.tenant_id = d.tenant_id and f.basis = d.basis
),
conversions as (
  select tenant_id, basis, month_end from differences where is_conversion
  group by 1, 2, 3 having sum(amount) = 0
),
candidates as (
  select r.rule, r.description, r.is_anchor, r.may_leave_a_remainder, d.tenant_id, d.basis, d.month_end, d.account_key, d.amount
  from differences as d
  join {{ ref('report_rule_accounts') }} as r on r.account_key = d.account_key and r.is_of_opening = d.is_opening
  join {{ ref('ledger_sources') }} as s on s.tenant_id = d.tenant_id and s.basis = d.basis
  where not d.is_conversion and (s.source = 'documents' or r.holds_for_journals)
),
sums as (
  select
    rule, tenant_id, basis, month_end, sum(case when is_anchor then amount else 0 end) as anchors,
    sum(case when is_anchor then 1 else 0 end) as anchor_accounts, sum(amount) as remainder,
    sum(case when is_anchor then 0 else 1 end) as partners
  from candidates
  group by 1, 2, 3, 4
),
matches as (
  select c.*, s.anchors, s.remainder, s.partners,
    sum(case when not c.is_anchor and c.amount = -s.anchors then 1 else 0 end)
      over (partition by c.rule, c.tenant_id, c.basis, c.month_end) as exact_partners
  from candidates as c
  join sums as s
    on s.rule = c.rule and s.tenant_id = c.tenant_id and s.basis = c.basis and s.month_end = c.month_end
  where s.anchor_accounts > 0
),
explained as (
  select
    rule, description, tenant_id, basis, month_end, account_key,
    case
      when remainder = 0 or is_anchor then amount
      else -anchors
    end as net_amount
  from matches
  where remainder = 0
    or exact_partners = 1 and (is_anchor or amount = -anchors)
    or exact_partners = 0 and may_leave_a_remainder and partners = 1
  union all
  select
    'conversion_balance', 'conversion balances: what was brought along from the books before Xero', d.tenant_id,
    d.basis, d.month_end, d.account_key, d.amount
  from differences as d
  join conversions as c on c.tenant_id = d.tenant_id and c.basis = d.basis and c.month_end = d.month_end
)
select
  rule, description, tenant_id, basis, month_end as journal_date, account_key,
  cast(net_amount as decimal(18, 4)) as net_amount
from explained
where net_amount <> 0 and rule in ('{{ var('xero_report_rules') | join("', '") }}')
