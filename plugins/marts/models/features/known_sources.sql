{# From which day on a document or payment is known as it is now: that of its last journal. What Xero books by
itself has a journal without a source. #}
select tenant_id, source_id, max(known_on) as known_on from {{ ref('known_postings') }}
where source_id is not null
group by 1, 2
