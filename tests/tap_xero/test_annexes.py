"""Kind 22: history and attachments of chosen streams, a call for each record that has any."""

from __future__ import annotations

from collections import Counter

import pytest
from tap_xero.annexes.table import ATTACHMENTS, HISTORY
from tap_xero.models.resources import BY_STREAM, RESOURCES
from tap_xero.settings import problems
from tap_xero.tap import TapXero
from xero_sandbox import annexes as theirs
from xero_sandbox import wire

STREAMS = ("history", "attachments", "stream_counts", "stream_ids")


@pytest.fixture
def read(run_tap):
    """Read the annexes that the settings name, and nothing else."""

    def read(sandbox, state=None, **settings):
        whole = TapXero(config=dict(settings), validate_config=False).catalog_dict
        named = [each for each in whole["streams"] if each["tap_stream_id"] in STREAMS]
        for entry in named:
            (about,) = (each for each in entry["metadata"] if not each["breadcrumb"])
            about["metadata"]["selected"] = True
        sandbox.prepare()
        sandbox.calls.clear()
        return run_tap(sandbox, catalog={"streams": named}, state=state, **settings)

    return read


def documents(sandbox, tenant, resource):
    texts = sandbox.store.page(tenant.tenant_id, resource).documents
    return [wire.decode(text) for text in texts]


def calls_for(sandbox, path):
    return [call for call in sandbox.calls.of("*") if call.path.endswith(f"/{path}")]


def test_attachments_cost_a_call_for_each_record_that_has_any(small_sandbox, read):
    run = read(small_sandbox, attachments=["invoices", "contacts", "bank_transactions"])
    assert (run.error, run.remarks) == (None, [])
    expected = {
        (tenant.tenant_id, stream, document[BY_STREAM[stream].identity])
        for tenant in small_sandbox.tenants
        for stream in ("invoices", "contacts", "bank_transactions")
        for document in documents(small_sandbox, tenant, BY_STREAM[stream].path)
        if document["HasAttachments"]
    }
    records = run.records["attachments"]
    assert {(each["TenantID"], each["Stream"], each["RecordID"]) for each in records} == expected
    assert {stream for _, stream, _ in expected} == {"invoices", "contacts", "bank_transactions"}
    assert len(calls_for(small_sandbox, "Attachments")) == len(expected)
    (row,) = records[:1]
    assert row["FileName"].endswith(".pdf")
    assert isinstance(row["ContentLength"], int)
    assert row["UpdatedDateUTC"].endswith("Z")


def test_history_has_every_entry_of_every_record_once(small_sandbox, read):
    run = read(small_sandbox, history=["items", "quotes", "manual_journals"])
    assert (run.error, run.remarks) == (None, [])
    records = run.records["history"]
    entries = Counter((each["TenantID"], each["Stream"], each["RecordID"]) for each in records)
    assert entries == {
        (tenant.tenant_id, stream, document[BY_STREAM[stream].identity]): len(
            theirs.history(document)
        )
        for tenant in small_sandbox.tenants
        for stream in ("items", "quotes", "manual_journals")
        for document in documents(small_sandbox, tenant, BY_STREAM[stream].path)
    }
    assert len({(each["TenantID"], each["HistoryID"]) for each in records}) == len(records)
    assert {each["Changes"] for each in records} >= {"Created"}
    again = read(small_sandbox, history=["items", "quotes", "manual_journals"])
    assert again.records == run.records, "an entry keeps its id"


def test_the_next_run_reads_those_of_records_that_changed(small_sandbox, read):
    first = read(small_sandbox, history=["invoices", "credit_notes"])
    tenant = small_sandbox.tenants[0]
    invoice = documents(small_sandbox, tenant, "Invoices")[0]["InvoiceID"]
    small_sandbox.clock.advance(hours=1)
    small_sandbox.books.edit(tenant.tenant_id, "Invoices", invoice, Reference="edited")
    second = read(small_sandbox, first.state, history=["invoices", "credit_notes"])
    assert {each["RecordID"] for each in second.records["history"]} == {invoice}
    assert len(calls_for(small_sandbox, "History")) == 1
    # A stream that is named later is read from its beginning, the others go on.
    third = read(small_sandbox, second.state, history=["invoices", "credit_notes", "items"])
    assert {each["Stream"] for each in third.records["history"]} <= {"items", "invoices"}
    items = sum(len(documents(small_sandbox, each, "Items")) for each in small_sandbox.tenants)
    read_items = {
        (each["TenantID"], each["RecordID"])
        for each in third.records["history"]
        if each["Stream"] == "items"
    }
    assert len(read_items) == items


def test_a_run_that_stops_goes_on_at_its_page_of_records(small_sandbox, read, small_pages):
    small_pages(10)
    settings = {"history": ["invoices"], "tenant_ids": [small_sandbox.tenants[0].tenant_id]}
    whole = read(small_sandbox, **settings)
    calls = len(calls_for(small_sandbox, "History"))
    small_sandbox.faults.add("rate_day", path="Invoices/*", after=calls // 2)
    stopped = read(small_sandbox, **settings)
    small_sandbox.faults.clear()
    part = stopped.partition("history", small_sandbox.tenants[0].tenant_id)["parts"]["invoices"]
    assert part["page"] > 1
    rest = read(small_sandbox, stopped.state, **settings)
    repeated = len(calls_for(small_sandbox, "History")) - (calls - calls // 2)
    assert 0 <= repeated <= 10
    keys = {each["HistoryID"] for each in whole.records["history"]}
    both = stopped.records["history"] + rest.records["history"]
    assert {each["HistoryID"] for each in both} == keys


def test_a_missing_scope_costs_one_stream_and_says_which_scopes_it_takes(small_sandbox, read):
    small_sandbox.faults.add("scope_missing", path="Invoices/*/Attachments", count=None)
    run = read(small_sandbox, attachments=["invoices", "contacts"])
    assert run.error is None
    assert {each["Stream"] for each in run.records["attachments"]} == {"contacts"}
    (reason, *_) = run.tap.run.report.gated
    assert "invoices: Xero does not let this app read them" in str(reason)
    assert "accounting.attachments.read" in str(reason)
    assert run.tap.run.report.failures == []


def test_counts_are_xeros_own(small_sandbox, read):
    run = read(small_sandbox, stream_counts=True)
    records = run.records["stream_counts"]
    counts = {(each["TenantID"], each["Stream"]): each["ItemCount"] for each in records}
    paged = [each for each in RESOURCES if "pageSize" in each.query(include_archived=True)]
    assert counts == {
        (tenant.tenant_id, each.stream): small_sandbox.store.count(tenant.tenant_id, each.path)
        for tenant in small_sandbox.tenants
        for each in paged
    }
    assert len(paged) == 9
    assert {call.query["pageSize"] for call in small_sandbox.calls.of("*") if call.query} == {"1"}
    assert {each["CountedDateUTC"] for each in records} == {"2026-02-20T09:00:00Z"}


def test_a_count_that_is_refused_costs_that_count(small_sandbox, read):
    small_sandbox.faults.add("scope_missing", path="Payments", count=None)
    run = read(small_sandbox, stream_counts=True)
    assert run.error is None
    assert "payments" not in {each["Stream"] for each in run.records["stream_counts"]}
    assert len(run.records["stream_counts"]) == 8 * 2
    assert any("stream_counts of" in remark and "payments:" in remark for remark in run.remarks)


def test_ids_are_those_that_xero_lists(small_sandbox, read):
    here, other = small_sandbox.tenants
    run = read(small_sandbox, stream_ids={"invoices": [here.tenant_id], "payments": []})
    assert run.error is None
    records = run.records["stream_ids"]
    for stream, path, tenant in (
        ("invoices", "Invoices", here),
        ("payments", "Payments", here),
        ("payments", "Payments", other),
    ):
        rows = [
            each
            for each in records
            if (each["TenantID"], each["Stream"]) == (tenant.tenant_id, stream)
        ]
        ids = {each["RecordID"] for each in rows}
        assert len(ids) == len(rows) == small_sandbox.store.count(tenant.tenant_id, path)
    assert (other.tenant_id, "invoices") not in {(e["TenantID"], e["Stream"]) for e in records}
    numbers = [each["Number"] for each in records if each["Stream"] == "invoices"]
    assert all(numbers)
    calls = [call for call in small_sandbox.calls.of("*") if "pageSize" in call.query]
    assert {call.query["pageSize"] for call in calls} == {"1000"}
    assert len(calls) == 3


def test_ids_that_do_not_add_up_to_xeros_count_are_left_out(small_sandbox, read):
    small_sandbox.irregularities.set(count_error=1)
    run = read(small_sandbox, stream_ids={"invoices": []})
    assert not run.records.get("stream_ids")
    assert any("nobody can tell which are missing" in remark for remark in run.remarks)


def test_ids_of_what_xero_does_not_count_are_refused():
    (problem,) = problems({"sandbox": {}, "stream_ids": {"quotes": []}})
    assert "counts no stream 'quotes'" in problem


def test_they_are_off_unless_a_setting_names_them():
    tap = TapXero(config={"sandbox": {}}, validate_config=False)
    assert not {"history", "attachments", "stream_counts", "stream_ids"} & set(tap.streams)
    wanted = {"sandbox": {}, "history": ["invoices"], "attachments": ["quotes"]}
    tap = TapXero(config={**wanted, "stream_counts": True}, validate_config=False)
    assert list(tap.streams)[-3:] == ["history", "attachments", "stream_counts"]


@pytest.mark.parametrize(
    ("setting", "name"), [("history", "accounts"), ("attachments", "payments"), ("history", "x")]
)
def test_a_stream_that_has_none_is_named(setting, name):
    (problem,) = problems({"sandbox": {}, setting: ["invoices", name]})
    assert problem.startswith(f"Setting {setting}: {name} is no stream that has {setting}")


def test_the_table_is_that_of_xeros_specification():
    """Those of the sandbox were written down from the specification on their own."""
    assert {BY_STREAM[each].path for each in HISTORY.parents} == theirs.HISTORY
    assert {BY_STREAM[each].path for each in ATTACHMENTS.parents} == theirs.ATTACHMENTS


def test_journals_on_cash_basis_are_a_stream_of_their_own(small_sandbox, run_tap, selecting):
    run = run_tap(small_sandbox, catalog=selecting("journals", "journals_cash"))
    assert run.error is None
    cash = {each["JournalID"] for each in run.records["journals_cash"]}
    assert cash < {each["JournalID"] for each in run.records["journals"]}
    assert cash
    schema = run.schemas["journals_cash"]["properties"]["JournalLines"]
    assert schema["x-child-table"]["name"] == "journal_cash_lines"
    small_sandbox.calls.clear()
    again = run_tap(small_sandbox, catalog=selecting("journals", "journals_cash"), state=run.state)
    assert [each.query.get("paymentsOnly") for each in small_sandbox.calls.of("Journals")].count(
        "true"
    ) == len(small_sandbox.tenants)
    assert again.records["journals_cash"] == []
