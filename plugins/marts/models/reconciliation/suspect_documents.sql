{# Documents that may be why a figure differs, the likeliest first (`place`). `account_key` and `period_end`
are null where a document may have to do with any; those with an `amount` explain that much. #}
{%- set numbers = {
    'invoices': ('invoice_id', 'invoice_number', 'reference'),
    'credit_notes': ('credit_note_id', 'credit_note_number', 'reference'),
    'prepayments': ('prepayment_id', 'reference', 'reference'), 'overpayments': ('overpayment_id', 'reference', 'reference'),
    'bank_transactions': ('coalesce(prepayment_id, overpayment_id, bank_transaction_id)', 'reference', 'reference'),
    'payments': ('payment_id', 'reference', 'reference'), 'manual_journals': ('manual_journal_id', 'narration', 'narration'),
} %}
with headers as (
  {%- for table, facts in numbers.items() %}
  select
    tenant_id, {{ facts[0] }} as document_id, coalesce(nullif({{ facts[1] }}, ''), nullif({{ facts[2] }}, '')) as number,
    updated_date_utc
  from {{ live(table) }} as d
  {{ 'union all' if not loop.last }}
  {%- endfor %}
),
names as (
  select tenant_id, document_id, max(number) as number, max(updated_date_utc) as updated_at from headers group by 1, 2
),
line_sums as (
  select tenant_id, kind, document_id, sum(net_amount) as net_amount from {{ ref('document_lines') }} group by 1, 2, 3
),
suspects as (
  select
    1 as place, is_in_journals, tenant_id, document_id, account_key, period_end, source_type as kind, reference,
    cast(lakehouse - xero as decimal(18, 4)) as amount,
    case
      when lakehouse = 0 then 'its own rows do not post what the journals post'
      when xero = 0 then 'the journals do not post it'
      else 'the journals post it otherwise'
    end as reason
  from {{ ref('document_differences') }} where lakehouse <> xero
  union all
  select
    2, null, d.tenant_id, d.source_id, null, cast(last_day(d.date) as date), d.type, d.reference, null, 'its lines do not add up to its total'
  from {{ ref('documents') }} as d
  left join line_sums as l on l.kind = d.kind and l.tenant_id = d.tenant_id and l.document_id = d.document_id
  where d.is_posted and d.kind <> 'purchase_order' and d.type not like '%-TRANSFER'
    and (coalesce(l.net_amount, 0) <> d.sub_total or d.total <> d.sub_total + d.total_tax)
  union all
  select
    3, null, tenant_id, subject, null, null, 'DOCUMENT', null, cast(lakehouse - xero as decimal(18, 4)),
    'what is open of it is not what Xero says'
  from {{ ref('open_amount_checks') }} where check_name = 'open document'
  union all
  select
    4, null, tenant_id, source_id, account_key, cast(last_day(journal_date) as date), source_type, max(reference),
    cast(sum(net_amount) as decimal(18, 4)), 'is as much as the difference'
  from {{ ref('general_ledger') }} where basis = 'accrual' and source <> 'xero_report' and source_id is not null
  group by tenant_id, source_id, account_key, last_day(journal_date), source_type
  union all
  select
    5, null, tenant_id, source_id, {{ key('account_id', 'tenant_id') }}, cast(last_day(date) as date), type, max(reference),
    cast(sum(net_base) as decimal(18, 4)), 'is ' || lower(max(status)) || ', and as much as the difference'
  from {{ ref('document_lines') }} where not is_posted and kind <> 'purchase_order'
  group by tenant_id, source_id, account_id, last_day(date), type
)
select
  s.place, s.tenant_id, s.document_id, s.account_key, s.period_end, s.amount, s.reason, n.updated_at,
  {{ journal_stream('s.kind') }} as stream, n.document_id is null as is_missing,
  not s.is_in_journals as is_extra,
  s.kind || ' ' || coalesce(n.number, nullif(s.reference, ''), s.document_id) as document
from suspects as s
left join names as n on n.tenant_id = s.tenant_id and n.document_id = s.document_id
union all
select
  0, tenant_id, record_id, null, null, null,
  case when is_missing then 'Xero lists it, the tables lack it' else 'Xero does not list it' end,
  null, stream, is_missing, is_extra, stream || ' ' || number
from {{ ref('id_differences') }}
