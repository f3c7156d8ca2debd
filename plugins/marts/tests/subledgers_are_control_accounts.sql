{# Open invoices, bills and credit add up to what the ledger says is owed. #}
select * from {{ ref('control_accounts') }} where difference <> 0
