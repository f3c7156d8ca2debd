"""The document store: paging, selecting, ordering and exact decimals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from xero_sandbox.columns import column
from xero_sandbox.store import Store
from xero_sandbox.wire import decode, net_date, to_ms

START = datetime(2025, 3, 1, 9, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def store():
    with Store() as opened:
        yield opened


def invoice(number: int, **properties) -> dict:
    return {
        "InvoiceID": f"00000000-0000-0000-0000-{number:012d}",
        "InvoiceNumber": f"INV-{number:04d}",
        "Type": "ACCREC",
        "Status": "AUTHORISED",
        "Date": net_date(to_ms(START) + number),
        "Contact": {"ContactID": f"c{number % 3}", "Name": f"Contact {number % 3}"},
        "Total": Decimal("12.50"),
        **properties,
    }


def fill(store: Store, count: int, tenant: str = "t") -> list[dict]:
    documents = [invoice(number) for number in range(count)]
    for number, document in enumerate(documents):
        store.put(
            tenant, "Invoices", document["InvoiceID"], document, START + timedelta(seconds=number)
        )
    return documents


def numbers(page) -> list[str]:
    return [decode(text)["InvoiceNumber"] for text in page.documents]


def test_a_document_comes_back_with_its_digits(store):
    store.put("t", "Invoices", "a", invoice(1, Total=Decimal("12.50")), START)
    assert b'"Total":12.50' in store.get("t", "Invoices", "a")


def test_a_document_is_found_by_id_and_by_number(store):
    documents = fill(store, 3)
    by_id = store.get("t", "Invoices", documents[2]["InvoiceID"])
    assert decode(by_id) == documents[2]
    assert store.get("t", "Invoices", "INV-0002") == by_id
    assert store.get("t", "Invoices", "INV-9999") is None


def test_organisations_and_resources_do_not_mix(store):
    fill(store, 3, tenant="one")
    fill(store, 2, tenant="two")
    assert store.page("one", "Invoices").total == 3
    assert store.page("two", "Invoices").total == 2
    assert store.page("one", "CreditNotes").total == 0


def test_pages_join_to_the_whole_list_in_order(store):
    fill(store, 25)
    pages = [store.page("t", "Invoices", limit=10, offset=at) for at in (0, 10, 20, 30)]
    assert [len(page.documents) for page in pages] == [10, 10, 5, 0]
    assert {page.total for page in pages} == {25}
    joined = [number for page in pages for number in numbers(page)]
    assert joined == [f"INV-{number:04d}" for number in range(25)]


def test_since_includes_the_moment_itself(store):
    fill(store, 5)
    assert numbers(store.page("t", "Invoices", since=START + timedelta(seconds=3))) == [
        "INV-0003",
        "INV-0004",
    ]


def test_a_change_moves_a_document_to_the_end_and_keeps_the_count(store):
    documents = fill(store, 4)
    assert numbers(store.page("t", "Invoices"))[0] == "INV-0000"
    store.put(
        "t",
        "Invoices",
        documents[0]["InvoiceID"],
        documents[0] | {"Status": "VOIDED"},
        START + timedelta(days=1),
    )
    page = store.page("t", "Invoices")
    assert page.total == 4
    assert numbers(page)[-1] == "INV-0000"
    assert decode(page.documents[-1])["Status"] == "VOIDED"


def test_deleting_is_for_good(store):
    documents = fill(store, 2)
    assert store.delete("t", "Invoices", documents[0]["InvoiceID"])
    assert not store.delete("t", "Invoices", documents[0]["InvoiceID"])
    assert numbers(store.page("t", "Invoices")) == ["INV-0001"]


@pytest.mark.parametrize(
    ("path", "kind", "value", "expected"),
    [
        ("InvoiceNumber", "s", "INV-0004", ["INV-0004"]),
        ("Contact.ContactID", "u", "c1", ["INV-0001", "INV-0004"]),
        ("Contact.Name", "s", "Contact 2", ["INV-0002", "INV-0005"]),
        ("Date", "d", to_ms(START) + 5, ["INV-0005"]),
        ("DueDate", "d", -5, ["INV-0003"]),
        ("Total", "n", 99.25, ["INV-0002"]),
    ],
)
def test_any_property_can_be_asked_for(store, path, kind, value, expected):
    fill(store, 6)
    for number, extra in ((2, {"Total": Decimal("99.25")}), (3, {"DueDate": "/Date(-5+0000)/"})):
        document = invoice(number, **extra)
        store.put("t", "Invoices", document["InvoiceID"], document, START)
    page = store.page(
        "t",
        "Invoices",
        where=f"{column('Invoices', path, kind)} = ?",
        parameters=[value],
        order=[(column("Invoices", "InvoiceNumber", "s"), False)],
    )
    assert numbers(page) == expected


def test_order_may_descend_and_ties_go_by_time_and_id(store):
    fill(store, 6)
    page = store.page("t", "Invoices", order=[(column("Invoices", "Contact.Name", "s"), True)])
    assert numbers(page) == [f"INV-000{number}" for number in (2, 5, 1, 4, 0, 3)]


def test_ids_narrow_the_list(store):
    documents = fill(store, 6)
    wanted = [documents[number]["InvoiceID"] for number in (4, 1)] + ["unknown"]
    assert numbers(store.page("t", "Invoices", ids=wanted)) == ["INV-0001", "INV-0004"]


def test_a_property_path_cannot_carry_sql(store):
    with pytest.raises(ValueError, match="not a property of Invoices"):
        column("Invoices", "x') OR ('1'='1", "s")


def test_the_stores_own_file_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with Store() as store:
        store.put("t", "Invoices", "i", {"InvoiceID": "i"}, datetime.now(UTC))
        assert not list(tmp_path.iterdir()), "a kill -9 now would leave it behind"
