{# Rates to the group's currency that Xero put on the group's documents, from the day of one to that of the next.

A document states the units of its currency for one of its organisation's base currency. So to the group's
currency documents in its ledgers give a rate to divide by, and documents in the group's currency in other
ledgers one to multiply with (is_inverse). Of several of a day the former go first, then the latest change.
A rate of 1 between two currencies is what Xero leaves where it has none. #}
with stated as (
  select tenant_id, document_id, date, currency_code, currency_rate, updated_date_utc from {{ ref('documents') }}
  where is_posted
  union all
  select tenant_id, document_id, date, currency_code, currency_rate, updated_date_utc from {{ ref('settled_documents') }}
  where is_posted
),
pairs as (
  select
    case when o.base_currency = g.currency then s.currency_code else o.base_currency end as currency,
    o.base_currency <> g.currency as is_inverse, s.date, s.currency_rate as rate, s.updated_date_utc, s.tenant_id,
    s.document_id
  from stated as s
  join {{ ref('dim_organisation') }} as o on o.tenant_id = s.tenant_id and o.base_currency <> s.currency_code
  join {{ ref('group_currency') }} as g on g.currency in (o.base_currency, s.currency_code)
  where s.currency_rate > 0 and s.currency_rate <> 1
),
ranked as (
  select
    *, row_number() over (
      partition by currency, date order by is_inverse, updated_date_utc desc, tenant_id, document_id
    ) as place
  from pairs
)
select
  currency, date as valid_from, lead(date) over (partition by currency order by date) as valid_before,
  cast(rate as decimal(18, 10)) as rate, is_inverse
from ranked
where place = 1
