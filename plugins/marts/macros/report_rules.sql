{# What only Xero's own trial balance knows, and on which accounts: `anchor` is what nothing else posts to,
`partner` what the other side may be on. `journals` says whether the rule also holds for a ledger from Xero's
journals: payroll, depreciation and stock are journals, so what differs there is a difference.

Source: Xero, Accounting API, Types and Codes: system accounts and account types; integrators who miss accounts
497 and 498 among journal lines. #}
{% macro report_rules() -%}
{{ return({
  'bank_revaluation': {
    'anchor': "a.system_account = 'BANKCURRENCYGAIN'",
    'partner': "a.type = 'BANK' and a.currency_code <> o.base_currency",
    'journals': true, 'opening': false, 'one_partner': true,
    'description': 'currency revaluation: bank accounts in other currencies at the rates of the month end',
  },
  'unrealised_gains': {
    'anchor': "a.system_account = 'UNREALISEDCURRENCYGAIN'",
    'partner': "a.system_account in ('DEBTORS', 'CREDITORS')",
    'journals': true, 'opening': false, 'one_partner': true,
    'description': 'currency revaluation: receivables and payables in other currencies at the rates of the month end',
  },
  'year_end_rollover': {
    'anchor': "a.system_account in ('BANKCURRENCYGAIN', 'UNREALISEDCURRENCYGAIN', 'RETAINEDEARNINGS')",
    'partner': "a.system_account in ('DEBTORS', 'CREDITORS') or a.type = 'BANK' and a.currency_code <> o.base_currency",
    'journals': true, 'opening': true, 'one_partner': false,
    'description': 'currency revaluation of earlier months, and what of it year ends rolled over to retained earnings',
  },
  'depreciation': {
    'anchor': "a.type = 'DEPRECIATN'", 'partner': "a.type = 'FIXED'",
    'journals': false, 'opening': false, 'one_partner': false,
    'description': 'depreciation of the register of fixed assets',
  },
  'stock': {
    'anchor': "a.type = 'INVENTORY'", 'partner': "a.type = 'DIRECTCOSTS'",
    'journals': false, 'opening': false, 'one_partner': false,
    'description': 'costs of tracked inventory',
  },
  'payroll': {
    'anchor': "a.system_account = 'WAGEPAYABLES' or a.type in ('WAGESPAYABLELIABILITY', 'SUPERANNUATIONLIABILITY', 'PAYGLIABILITY')",
    'partner': "a.type in ('EXPENSE', 'OVERHEADS', 'WAGESEXPENSE', 'SUPERANNUATIONEXPENSE') and a.system_account is null",
    'journals': false, 'opening': false, 'one_partner': false,
    'description': 'pay runs',
  },
}) }}
{%- endmacro %}
