{# Lines of Xero's journals with the day on which each became known, which is when the journal was made, whatever
day it is for. An edit in Xero is a journal that takes the old amount back and one for the new amount. #}
{{ config(materialized='ephemeral') }}
select
  j.tenant_id, j.source_id, j.journal_date as date, {{ utc_day('j.created_date_utc') }} as known_on,
  {{ key('l.account_id', 'j.tenant_id') }} as account_key, l.net_amount
from {{ live('journals') }} as j
join {{ live('journal_lines') }} as l on l.tenant_id = j.tenant_id and l.journal_id = j.journal_id
