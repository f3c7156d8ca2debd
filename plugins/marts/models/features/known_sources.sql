{# From which day on a document or payment is known as it is now: that of its last journal. #}
select tenant_id, source_id, max(known_on) as known_on from {{ ref('known_postings') }} group by 1, 2
