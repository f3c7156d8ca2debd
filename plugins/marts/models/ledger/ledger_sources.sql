{# Where the figures of each organisation and basis come from, and why there are none where there are none. #}
{%- set kinds = ['invoices', 'credit_notes', 'bank_transactions', 'payments', 'bank_transfers', 'manual_journals', 'expense_claims'] %}
with bases as (
  select tenant_id, 'accrual' as basis from {{ ref('dim_organisation') }}
  union all
  select tenant_id, 'cash' from {{ ref('dim_organisation') }}
),
journals as (select distinct tenant_id, basis from {{ ref('ledger_from_journals') }}),
documents as (
  {%- for kind in kinds %}
  select tenant_id from {{ live(kind) }} as d
  {{ 'union' if not loop.last }}
  {%- endfor %}
)
select
  b.tenant_id, b.basis,
  case
    when j.tenant_id is not null and {{ var('ledger') == 'journals' }} then 'journals'
    when d.tenant_id is not null then 'documents'
  end as source,
  case
    when (j.tenant_id is null or {{ var('ledger') != 'journals' }}) and d.tenant_id is null
      then 'neither journals on ' || b.basis || ' basis nor documents of this organisation are in the tables: select '
        || case when b.basis = 'cash' then 'journals_cash' else 'journals' end
        || ', or {{ kinds | join(", ") }}, and load again'
  end as reason
from bases as b
left join journals as j on j.tenant_id = b.tenant_id and j.basis = b.basis
left join documents as d on d.tenant_id = b.tenant_id
