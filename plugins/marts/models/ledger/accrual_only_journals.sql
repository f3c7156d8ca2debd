{# Manual journals that reports on cash basis leave out. #}
select tenant_id, manual_journal_id as source_id
from {{ live('manual_journals') }} as j
where show_on_cash_basis_reports = false
