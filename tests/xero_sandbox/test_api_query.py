"""The `where` and `order` language, against plain Python on the same documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xero_sandbox import query, wire
from xero_sandbox.columns import column
from xero_sandbox.endpoints import ENDPOINTS
from xero_sandbox.expressions import to_sql
from xero_sandbox.store import Store

TENANT = "tenant"
TYPES = ENDPOINTS["Invoices"].types
WORDS = ["", "a", "Ab", "abc", 'say "x"', "back\\slash", "é"]
CONTACTS = [f"0000000{n}-0000-4000-8000-00000000000{n}" for n in range(3)]
DAYS = [datetime(year, 3, 1, tzinfo=UTC) for year in (1969, 2024, 2026)]
AMOUNTS = [Decimal("-1.50"), Decimal("0.00"), Decimal("12.50"), Decimal("1000.00")]


def documents() -> list[dict[str, Any]]:
    """Every combination of a few values, some missing."""
    found = []
    for number in range(120):
        document: dict[str, Any] = {
            "InvoiceID": f"{number:08d}-0000-4000-8000-000000000000",
            "Type": ("ACCREC", "ACCPAY")[number % 2],
            "Total": AMOUNTS[number % 4],
            "Date": wire.net_date(wire.to_ms(DAYS[number % 3])),
            "HasAttachments": number % 5 == 0,
            "Contact": {"ContactID": CONTACTS[number % 3], "Name": WORDS[number % 7]},
        }
        if number % 3:
            document["Reference"] = WORDS[number % 7]
        if number % 4:
            document["DueDate"] = wire.net_date_short(wire.to_ms(DAYS[number % 3]))
        found.append(document)
    return found


DOCUMENTS = documents()


@pytest.fixture(scope="module")
def store() -> Any:
    with Store() as opened:
        for document in DOCUMENTS:
            opened.put(TENANT, "Invoices", document["InvoiceID"], document, DAYS[1])
        yield opened


def found_by(store: Store, text: str) -> set[str]:
    tree = query.parse_where(text, TYPES, "Invoice")
    where, parameters = to_sql(tree, lambda path, kind: column("Invoices", path, kind))
    page = store.page(TENANT, "Invoices", where=where, parameters=parameters)
    return {wire.decode(row)["InvoiceID"] for row in page.documents}


def expected(holds: Callable[[dict[str, Any]], bool]) -> set[str]:
    return {document["InvoiceID"] for document in DOCUMENTS if holds(document)}


def value_of(document: dict[str, Any], path: str) -> Any:
    """What a property is worth in a comparison; None when it is missing."""
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if found else None
    if isinstance(found, str) and found.startswith("/Date("):
        return wire.to_datetime(wire.parse_net_date(found))
    return found


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a is not None and b is not None and a < b,
    "<=": lambda a, b: a is not None and b is not None and a <= b,
    ">": lambda a, b: a is not None and b is not None and a > b,
    ">=": lambda a, b: a is not None and b is not None and a >= b,
}
TESTS: dict[str, Callable[[str, str], bool]] = {
    "Contains": lambda a, b: b in a,
    "StartsWith": lambda a, b: a.startswith(b),
    "EndsWith": lambda a, b: a.endswith(b),
}


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


Condition = tuple[str, Callable[[dict[str, Any]], bool]]
LITERALS: list[tuple[list[str], st.SearchStrategy[tuple[str, Any]]]] = [
    (["Reference", "Contact.Name", "type"], st.sampled_from(WORDS).map(lambda w: (quoted(w), w))),
    (["Total"], st.sampled_from(AMOUNTS).map(lambda n: (str(n), n))),
    (
        ["Date", "DueDate"],
        st.sampled_from(DAYS).map(lambda d: (f"DateTime({d.year}, {d.month:02d}, {d.day})", d)),
    ),
    (
        ["Contact.ContactID"],
        st.sampled_from(CONTACTS).map(lambda c: (f'Guid("{c.upper()}")', c)),
    ),
    (["HasAttachments"], st.booleans().map(lambda b: (str(b).lower(), b))),
]


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    paths, literals = draw(st.sampled_from(LITERALS))
    path = draw(st.sampled_from(paths))
    text, value = draw(st.one_of(literals, st.just(("null", None))))
    operator = draw(st.sampled_from(sorted(COMPARE) if value is not None else ["==", "!="]))
    known = {"type": "Type"}.get(path, path)
    compare = COMPARE[operator]
    if draw(st.booleans()):
        return f"{path}{operator}{text}", lambda doc: compare(value_of(doc, known), value)
    return f"{text} {operator} {path}", lambda doc: compare(value, value_of(doc, known))


@st.composite
def text_tests(draw: st.DrawFn) -> Condition:
    path = draw(st.sampled_from(["Reference", "Contact.Name"]))
    method = draw(st.sampled_from(sorted(TESTS)))
    word = draw(st.sampled_from(WORDS))

    def holds(document: dict[str, Any]) -> bool:
        value = value_of(document, path)
        return value is not None and TESTS[method](value, word)

    return f"{path}.{method}({quoted(word)})", holds


def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    def both(pair: tuple[Condition, Condition, str]) -> Condition:
        (left, left_holds), (right, right_holds), word = pair
        if word in ("AND", "&&"):
            return f"({left}) {word} ({right})", lambda doc: left_holds(doc) and right_holds(doc)
        return f"({left} {word} {right})", lambda doc: left_holds(doc) or right_holds(doc)

    def negated(part: Condition) -> Condition:
        text, holds = part
        return f"NOT ({text})", lambda doc: not holds(doc)

    words = st.sampled_from(["AND", "OR", "&&", "||", "or"])
    return st.one_of(st.tuples(parts, parts, words).map(both), parts.map(negated))


@given(st.recursive(st.one_of(comparisons(), text_tests()), joined, max_leaves=8))
def test_where_selects_what_python_selects(store: Store, condition: Condition) -> None:
    text, holds = condition
    assert found_by(store, text) == expected(holds)


def test_and_binds_tighter_than_or(store: Store) -> None:
    text = 'Type=="ACCREC" OR Type=="ACCPAY" AND Total > 5'
    assert found_by(store, text) == expected(lambda d: d["Type"] == "ACCREC" or d["Total"] > 5)


def test_a_boolean_property_stands_alone(store: Store) -> None:
    assert found_by(store, "!HasAttachments") == expected(lambda d: not d["HasAttachments"])


def test_to_lower_compares_without_case(store: Store) -> None:
    assert found_by(store, 'Contact.Name.ToLower() == "ab"') == expected(
        lambda d: d["Contact"]["Name"].lower() == "ab"
    )


def test_parsed_dates_equal_constructed_ones(store: Store) -> None:
    constructed = found_by(store, "Date >= DateTime(2024, 3, 1, 0, 0, 0)")
    assert found_by(store, 'Date >= DateTime.Parse("2024-03-01")') == constructed
    assert constructed == expected(lambda d: value_of(d, "Date") >= DAYS[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Nonsense == 1", "No property or field 'Nonsense' exists in type 'Invoice'"),
        ('Contact.ContactID == "abc"', "incompatible with operand types 'Guid' and 'String'"),
        ('Date > "2026-01-01"', "incompatible with operand types 'DateTime' and 'String'"),
        ('Total == "12"', "incompatible with operand types 'Decimal' and 'String'"),
        ("Type ==", "end of expression"),
        ('(Type == "ACCREC"', "end of expression"),
        ('Type == "ACCREC" AND', "end of expression"),
        ('Type == "open', "Syntax error at position"),
        ("Type", "Boolean"),
        ("DateTime(2026, 13, 1) == Date", "not a date"),
        ('Contact.ContactID == Guid("xyz")', "not a guid"),
        ('Total.Contains("1")', "takes one text"),
        ('Type == "ACCREC" Status == "PAID"', "Syntax error at 'Status'"),
    ],
)
def test_a_bad_expression_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(query.QueryError, match=r"(?s).*") as caught:
        query.parse_where(text, TYPES, "Invoice")
    assert message in str(caught.value)


def test_order_takes_several_keys_and_directions() -> None:
    keys = query.parse_order("updateddateutc desc, InvoiceID ASC,Total", TYPES, "Invoice")
    assert keys == [("UpdatedDateUTC", True), ("InvoiceID", False), ("Total", False)]


@pytest.mark.parametrize("text", ["Nonsense", "Total UPWARDS", "Total ASC DESC", ""])
def test_a_bad_order_is_refused(text: str) -> None:
    with pytest.raises(query.QueryError):
        query.parse_order(text, TYPES, "Invoice")


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-03T04:05:06",
        "2026-02-03T04:05:06Z",
        "2026-02-03T17:05:06+13:00",
        "2026-02-03T04:05:06.0000000",
        "2026-02-03T04:05:06.0",
    ],
)
def test_moments_are_read_in_every_iso_spelling(text: str) -> None:
    assert query.parse_moment(text) == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
