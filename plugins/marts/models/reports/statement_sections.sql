{# Where accounts of each type stand in the profit and loss and the balance sheet, and how they count.

Source: Xero, Accounting API, Types and Codes: account types; the layout of Xero's standard reports. #}
{%- set sections = [
    ('Income', ['REVENUE', 'SALES'], 1),
    ('Cost of Sales', ['DIRECTCOSTS'], -1),
    ('Other Income', ['OTHERINCOME'], 1),
    ('Operating Expenses', ['EXPENSE', 'OVERHEADS', 'DEPRECIATN', 'WAGESEXPENSE', 'SUPERANNUATIONEXPENSE'], -1),
    ('Bank', ['BANK'], 1),
    ('Current Assets', ['CURRENT', 'INVENTORY', 'PREPAYMENT'], 1),
    ('Fixed Assets', ['FIXED'], 1),
    ('Non-current Assets', ['NONCURRENT'], 1),
    ('Current Liabilities', ['CURRLIAB', 'LIABILITY', 'PAYG', 'PAYGLIABILITY', 'SUPERANNUATIONLIABILITY', 'WAGESPAYABLELIABILITY'], 1),
    ('Non-Current Liabilities', ['TERMLIAB'], 1),
    ('Equity', ['EQUITY'], 1),
] %}
{%- for section, types, sign in sections %}{% set last = loop.last %}{% set position = loop.index %}
{%- for type in types %}
select {{ position }} as position, '{{ section }}' as section, '{{ type }}' as type, {{ sign }} as sign
{{ 'union all' if not (last and loop.last) }}
{%- endfor %}
{%- endfor %}
