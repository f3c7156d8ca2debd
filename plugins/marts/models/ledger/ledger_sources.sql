{# Where the figures of each organisation and basis come from, and why there are none where there are none. #}
with bases as (
  select tenant_id, 'accrual' as basis from {{ ref('dim_organisation') }}
  union all
  select tenant_id, 'cash' from {{ ref('dim_organisation') }}
),
journals as (select distinct tenant_id, basis from {{ ref('ledger_from_journals') }})
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
        || ', or {{ document_tables() | join(", ") }}, and load again'
  end as reason
from bases as b
left join journals as j on j.tenant_id = b.tenant_id and j.basis = b.basis
left join {{ ref('documented_organisations') }} as d on d.tenant_id = b.tenant_id
