{# What moved each sales document's open amount in base currency, by the day it is for and the day it was known on:
the document itself, its payments, and credit. Allocations have no journals; they count from their own day. #}
with journals as (select distinct tenant_id from {{ ref('known_sources') }}),
sales as (
  select *, case when kind = 'invoice' then 1 else -1 end as sign
  from {{ ref('settled_documents') }}
  where is_receivable
),
sources as (
  select tenant_id, document_id as source_id, document_id from sales
  union all
  select tenant_id, payment_id, document_id from {{ ref('fct_payments') }}
),
movements as (
  select p.tenant_id, s.document_id, p.date, p.known_on, p.net_amount as amount
  from {{ ref('known_postings') }} as p
  join sources as s on s.tenant_id = p.tenant_id and s.source_id = p.source_id
  join {{ ref('system_accounts') }} as a on {{ key('a.debtors', 'a.tenant_id') }} = p.account_key
  union all
  select s.tenant_id, s.document_id, s.date, s.date, s.sign * {{ to_base('s.total', 's.currency_rate') }}
  from sales as s
  left join journals as j on j.tenant_id = s.tenant_id
  where s.is_posted and j.tenant_id is null
  union all
  select p.tenant_id, p.document_id, p.date, p.date, -s.sign * p.settled_base
  from {{ ref('fct_payments') }} as p
  join sales as s on s.tenant_id = p.tenant_id and s.document_id = p.document_id
  left join journals as j on j.tenant_id = p.tenant_id
  where p.is_posted and j.tenant_id is null
  {%- for document, sign in [('invoice_id', -1), ('credit_id', 1)] %}
  union all
  select tenant_id, {{ document }}, date, date, {{ sign }} * amount_base from {{ ref('fct_allocations') }}
  {%- endfor %}
)
select
  m.tenant_id, {{ key('s.contact_id', 'm.tenant_id') }} as contact_key, m.document_id, s.kind, s.due_date, m.date,
  m.known_on, cast(m.amount as decimal(18, 4)) as amount
from movements as m
join sales as s on s.tenant_id = m.tenant_id and s.document_id = m.document_id
