{# How readings of tap-xero ended, by organisation and stream; none without its setting `stream_reads`. #}
select tenant_id, stream, outcome, begun_date_utc, reason from {{ live('stream_reads') }} as r
