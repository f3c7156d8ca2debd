{# What loads of target-databricks came to, by stream. #}
select stream, finished_at, case when rows_set_aside > 0 then coalesce(error, 'rows set aside') else error end as error
from {{ live('_sdc_loads') }} as l where stream <> 'stream_reads'
