{# All that is posted, on both bases: `source` says what it was made from. Lines of Xero's own trial balance
are there where a named rule explains them, and can be left out: `--vars 'xero_report_lines: false'`. #}
select
  basis, source, tenant_id, journal_date, source_type, source_id, journal_number, reference, contact_key, account_key,
  tax_rate_key, tracking_option_1_key, tracking_option_2_key, description, net_amount
from {{ ref('ledger_postings') }}
{%- if var('xero_report_lines') %}
union all
select
  basis, 'xero_report', tenant_id, journal_date, rule, rule || ':' || cast(journal_date as string), null, null, null,
  account_key, null, null, null, description, net_amount
from {{ ref('xero_report_lines') }}
{%- endif %}
