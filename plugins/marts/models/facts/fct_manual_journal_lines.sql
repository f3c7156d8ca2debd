{# Debits are positive; amounts are in base currency, as Xero keeps manual journals. #}
select
  {{ key('j.manual_journal_id', 'j.tenant_id') }} || ':' || cast(l._sdc_position as string) as line_key,
  j.tenant_id, j.manual_journal_id, j.narration, j.status, j.status = 'POSTED' as is_posted, j.date,
  {{ key('l.account_id', 'j.tenant_id') }} as account_key, {{ key('l.tax_type', 'j.tenant_id') }} as tax_rate_key,
  {{ option_key('l.tracking', 1, 'j.tenant_id') }} as tracking_option_1_key,
  {{ option_key('l.tracking', 2, 'j.tenant_id') }} as tracking_option_2_key,
  l.description,
  cast(l.line_amount - case when upper(j.line_amount_types) = 'INCLUSIVE' then coalesce(l.tax_amount, 0) else 0 end as decimal(18, 4)) as net_base,
  coalesce(l.tax_amount, 0) as tax_base
from {{ live('manual_journals') }} as j
join {{ live('manual_journal_lines') }} as l
  on l.tenant_id = j.tenant_id and l.manual_journal_id = j.manual_journal_id
