{# The day on which invoices were last loaded; null where no table of loads says so. One row. #}
select {{ utc_day('max(finished_at)') }} as day
from {{ live('_sdc_loads') }} as l
where stream = 'invoices' and error is null
