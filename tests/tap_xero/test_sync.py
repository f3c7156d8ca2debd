"""The tap against the sandbox: what comes out, and what it costs."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pytest
from tap_xero.models.resources import BY_STREAM, RESOURCES, Paging
from tap_xero.models.schema import TENANT

PAGED = [each.stream for each in RESOURCES if each.paging is Paging.PAGES]


@pytest.fixture
def first_run(first_run_of_two):
    """A first run, shared by the tests that only look at it."""
    return first_run_of_two[1]


@pytest.fixture
def quiet_sandbox(first_run_of_two):
    """The sandbox of that run, for tests that leave it as it is."""
    return first_run_of_two[0]


def test_every_stream_has_records_of_every_organisation(quiet_sandbox, first_run):
    tenants = {each.tenant_id for each in quiet_sandbox.tenants}
    for stream in BY_STREAM:
        assert {record[TENANT] for record in first_run.records[stream]} == tenants, stream


def test_all_rows_of_the_sandbox_are_there_once(quiet_sandbox, first_run):
    for resource in RESOURCES:
        name = "Organisations" if resource.path == "Organisation" else resource.path
        for tenant in quiet_sandbox.tenants:
            keys = [
                record[resource.identity]
                for record in first_run.records[resource.stream]
                if record[TENANT] == tenant.tenant_id
            ]
            assert len(keys) == len(set(keys)), resource.stream
            rows, _ = quiet_sandbox.store.page(tenant.tenant_id, name)
            expected = {json.loads(row)[resource.identity] for row in rows}
            # Xero lists neither deleted accounts, options nor groups.
            assert set(keys) <= expected, resource.stream
            if resource.updated and resource.stream != "accounts" and not resource.fixed:
                assert set(keys) == expected, resource.stream


def test_the_schema_knows_every_field_the_sandbox_sends(first_run):
    def unknown(value, schema, path):
        if isinstance(value, dict):
            known = schema.get("properties", {})
            for name, each in value.items():
                if name in known:
                    yield from unknown(each, known[name], f"{path}.{name}")
                else:
                    yield f"{path}.{name}"
        elif isinstance(value, list):
            for each in value:
                yield from unknown(each, schema.get("items", {}), f"{path}[]")

    found = {
        path
        for stream, records in first_run.records.items()
        for record in records
        for path in unknown(record, first_run.schemas[stream], stream)
    }
    assert found == set()


def test_every_value_has_the_type_of_its_schema(first_run):
    types = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, Decimal),
        "object": dict,
        "array": list,
    }
    formats = {"date": 10, "date-time": 20}

    def wrong(value, schema, path):
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if value is None:
            if "null" not in kinds:
                yield f"{path} is null"
            return
        expected = types[kinds[0]]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            yield f"{path}: {value!r} is no {kinds[0]}"
        elif isinstance(value, dict):
            for name, each in value.items():
                if name in schema["properties"]:
                    yield from wrong(each, schema["properties"][name], f"{path}.{name}")
        elif isinstance(value, list):
            for each in value:
                yield from wrong(each, schema["items"], f"{path}[]")
        elif schema.get("format") in formats and len(value) < formats[schema["format"]]:
            yield f"{path}: {value!r} is no {schema['format']}"

    found = [
        problem
        for stream, records in first_run.records.items()
        for record in records
        for problem in wrong(record, first_run.schemas[stream], stream)
    ]
    assert found == []


def test_amounts_have_the_digits_xero_sent(quiet_sandbox, first_run):
    """Invariant 4: no amount differs from Xero's digits."""
    tenant = quiet_sandbox.tenants[0].tenant_id
    rows, _ = quiet_sandbox.store.page(tenant, "Invoices")
    sent = {}
    for row in rows:
        invoice = json.loads(row, parse_float=str)
        sent[invoice["InvoiceID"]] = invoice
    for record in first_run.records["invoices"]:
        if record[TENANT] != tenant:
            continue
        invoice = sent[record["InvoiceID"]]
        assert str(record["Total"]) == str(invoice["Total"])
        for line, original in zip(record["LineItems"], invoice["LineItems"], strict=True):
            assert str(line["UnitAmount"]) == str(original["UnitAmount"])
            assert str(line["Quantity"]) == str(original["Quantity"])


def test_reference_data_comes_before_the_documents_that_point_at_it(first_run):
    order = list(dict.fromkeys(message["stream"] for message in first_run.of("RECORD")))
    assert order == [resource.stream for resource in RESOURCES]
    assert order.index("contacts") < order.index("invoices")
    assert order.index("accounts") < order.index("bank_transactions")


def test_lifted_ids_lead_to_records_of_the_stream_they_refer_to(first_run):
    def keys_of(stream):
        key = BY_STREAM[stream].identity
        return {(record[TENANT], record[key]) for record in first_run.records[stream]}

    dangling = []
    for resource in RESOURCES:
        for lift in resource.model.lifts:
            known = keys_of(lift.refers)
            dangling += [
                (resource.stream, lift.name, record[lift.name])
                for record in first_run.records[resource.stream]
                if record.get(lift.name) and (record[TENANT], record[lift.name]) not in known
            ]
    assert dangling == []


def test_there_is_one_schema_message_for_each_stream_and_it_is_annotated(first_run):
    streams = [message["stream"] for message in first_run.of("SCHEMA")]
    assert streams == [resource.stream for resource in RESOURCES]
    invoices = first_run.schemas["invoices"]["properties"]
    assert invoices["LineItems"]["x-child-table"]["name"] == "invoice_line_items"
    assert invoices["ContactID"]["x-references"]["properties"] == ["TenantID", "ContactID"]
    (message,) = [each for each in first_run.of("SCHEMA") if each["stream"] == "invoices"]
    assert message["key_properties"] == ["TenantID", "InvoiceID"]


def test_a_second_run_reads_only_what_changed(xero_sandbox, run_tap, selecting):
    catalog = selecting("invoices")
    first_run = run_tap(xero_sandbox, catalog=catalog)
    tenant = xero_sandbox.tenants[0]
    xero_sandbox.clock.advance(seconds=600)
    rows, _ = xero_sandbox.store.page(tenant.tenant_id, "Invoices")
    invoice = json.loads(rows[0])["InvoiceID"]
    xero_sandbox.books.edit(tenant.tenant_id, "Invoices", invoice, Reference="edited")
    second = run_tap(xero_sandbox, catalog=catalog, state=first_run.state)
    changed = [record["InvoiceID"] for record in second.records["invoices"]]
    assert invoice in changed
    assert len(changed) < len(first_run.records["invoices"])
    edited = next(each for each in second.records["invoices"] if each["InvoiceID"] == invoice)
    assert edited["Reference"] == "edited"


def test_a_second_run_with_nothing_new_has_no_incremental_records(xero_sandbox, run_tap, first_run):
    tenants = {each.tenant_id: each for each in xero_sandbox.tenants}
    bookmark = first_run.partition("invoices", next(iter(tenants)))["replication_key_value"]
    second = run_tap(xero_sandbox, state=first_run.state)
    for resource in RESOURCES:
        if resource.since:
            late = [
                record
                for record in second.records[resource.stream]
                if record[resource.updated] is not None and record[resource.updated] < bookmark
            ]
            assert late == [], resource.stream
    assert second.state == first_run.state


def test_bookmarks_of_quiet_books_are_as_far_before_xeros_clock_as_clocks_may_differ(
    quiet_sandbox, first_run
):
    tenant = quiet_sandbox.tenants[0].tenant_id
    assert first_run.partition("invoices", tenant) == {
        "context": {TENANT: tenant},
        "replication_key": "UpdatedDateUTC",
        "replication_key_value": "2026-02-02T07:55:00Z",
    }


def test_streams_that_are_read_whole_have_no_bookmark(first_run):
    for each in RESOURCES:
        for partition in first_run.state["bookmarks"][each.stream]["partitions"]:
            mark = {"replication_key", "replication_key_value"} if each.since else {"answer"}
            assert set(partition) == {"context", *mark}


def test_since_start_date_only(xero_sandbox, run_tap, selecting):
    """Kind 22: with its offset, as Xero's specification has it; without one Prism refuses it."""
    run = run_tap(
        xero_sandbox, catalog=selecting("invoices", "accounts"), start_date="2025-12-01T00:00:00Z"
    )
    assert {call.modified_since for call in xero_sandbox.calls.of("Invoices")} == {
        "2025-12-01T00:00:00Z"
    }
    assert run.records["invoices"]
    assert all(each["UpdatedDateUTC"] >= "2025-12-01" for each in run.records["invoices"])


def test_a_deselected_stream_costs_no_call(xero_sandbox, run_tap, selecting):
    run = run_tap(xero_sandbox, catalog=selecting("currencies"))
    paths = {call.path for call in xero_sandbox.calls.of("*")}
    assert paths == {"connect/token", "connections", "Currencies"}
    assert set(run.records) == {"currencies"}
    assert set(run.schemas) == {"currencies"}


def test_deselected_fields_leave_schema_and_records(xero_sandbox, run_tap, selecting):
    catalog = selecting(
        "invoices", without=(("invoices", "LineItems"), ("invoices", "Contact", "Name"))
    )
    run = run_tap(xero_sandbox, catalog=catalog)
    schema = run.schemas["invoices"]["properties"]
    assert "LineItems" not in schema
    assert "Name" not in schema["Contact"]["properties"]
    for record in run.records["invoices"]:
        assert "LineItems" not in record
        assert "Name" not in record["Contact"]
        assert record["ContactID"] == record["Contact"]["ContactID"]


def test_details_are_read_only_when_what_they_bring_is_selected(xero_sandbox, run_tap, selecting):
    run = run_tap(xero_sandbox, catalog=selecting("budgets"))
    assert any(record.get("BudgetLines") for record in run.records["budgets"])
    asked = xero_sandbox.calls.of("Budgets/*")
    assert len(asked) == 6 * len(run.records["budgets"])
    assert {call.status for call in asked} == {200}
    xero_sandbox.calls.clear()
    without = selecting("budgets", without=(("budgets", "BudgetLines"),))
    run_tap(xero_sandbox, catalog=without)
    assert xero_sandbox.calls.of("Budgets/*") == []


def test_a_budget_is_one_record_with_every_month_of_all_its_years(quiet_sandbox, first_run):
    """Xero gives two years in an answer; the sandbox's budgets are longer."""
    found = {record["BudgetID"]: record for record in first_run.records["budgets"]}
    for tenant in quiet_sandbox.tenants:
        for text in quiet_sandbox.store.page(tenant.tenant_id, "Budgets").documents:
            budget = json.loads(text, parse_float=Decimal)
            months = {b["Period"] for line in budget["BudgetLines"] for b in line["BudgetBalances"]}
            assert len(months) > 24
            assert found.pop(budget["BudgetID"])["BudgetLines"] == budget["BudgetLines"]
    assert found == {}


def test_documents_are_asked_for_in_full(quiet_sandbox, first_run):
    for stream in PAGED:
        resource = BY_STREAM[stream]
        for call in quiet_sandbox.calls.of(resource.path):
            assert call.query["pageSize"] == "1000"
            assert call.query["page"]
            assert call.query.get("order") == resource.order
            assert (call.query.get("unitdp") == "4") == resource.unitdp


@pytest.mark.parametrize("archived", [True, False])
def test_archived_and_deleted_rows_come_if_they_are_wanted(
    xero_sandbox, run_tap, selecting, archived
):
    catalog = selecting("contacts", "tracking_categories", "bank_transfers")
    run = run_tap(xero_sandbox, catalog=catalog, include_archived=archived)
    statuses = {
        "contacts": {record["ContactStatus"] for record in run.records["contacts"]},
        "bank_transfers": {record["Status"] for record in run.records["bank_transfers"]},
    }
    assert ("ARCHIVED" in statuses["contacts"]) == archived
    assert ("DELETED" in statuses["bank_transfers"]) == archived


def test_a_field_xero_invents_passes_through(xero_sandbox, run_tap, selecting):
    """Invariant 8: a new field never stops a run and never loses a value."""
    xero_sandbox.faults.add("unknown_field", path="Invoices", count=None)
    known = set(BY_STREAM["invoices"].schema["properties"])
    catalog = selecting("invoices")
    fast = run_tap(xero_sandbox, catalog=catalog).records["invoices"]
    mapped = run_tap(
        xero_sandbox, catalog=catalog, stream_maps={"invoices": {"Own": "InvoiceID"}}
    ).records["invoices"]
    for record in (*fast, *mapped):
        assert set(record) - known - {"Own"}


def test_stream_maps_see_numbers_and_keep_digits(xero_sandbox, run_tap, selecting):
    maps = {"invoices": {"Doubled": "float(record['Total']) * 2", "LineItems": None}}
    catalog = selecting("invoices")
    plain = run_tap(xero_sandbox, catalog=catalog).records["invoices"]
    mapped = run_tap(xero_sandbox, catalog=catalog, stream_maps=maps)
    assert len(mapped.records["invoices"]) == len(plain)
    for record, original in zip(mapped.records["invoices"], plain, strict=True):
        assert str(record["Total"]) == str(original["Total"])
        assert float(record["Doubled"]) == float(original["Total"]) * 2
        assert "LineItems" not in record
    schema = mapped.schemas["invoices"]["properties"]
    assert "Doubled" in schema
    assert "x-references" in schema["ContactID"]


def test_both_ways_of_writing_agree(xero_sandbox, run_tap):
    fast = run_tap(xero_sandbox)
    slow = run_tap(xero_sandbox, stream_maps={stream: {"Copy": "TenantID"} for stream in BY_STREAM})
    for stream in BY_STREAM:
        without = [
            {name: value for name, value in record.items() if name != "Copy"}
            for record in slow.records[stream]
        ]
        assert without == fast.records[stream], stream
    # Of what is read whole the states say when it was sent, and what, which is not the same.
    for run in (slow, fast):
        for stream in BY_STREAM:
            for partition in run.state["bookmarks"][stream]["partitions"]:
                partition.pop("answer", None)
    assert slow.state == fast.state


def test_batches_hold_what_records_hold(xero_sandbox, run_tap, selecting, tmp_path):
    catalog = selecting("invoices", "accounts")
    plain = run_tap(xero_sandbox, catalog=catalog)
    batched = run_tap(
        xero_sandbox,
        catalog=catalog,
        batch_config={
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tmp_path.as_uri()},
            "batch_size": 7,
        },
    )
    assert batched.error is None
    rows = {"invoices": [], "accounts": []}
    for message in batched.of("BATCH"):
        for path in message["manifest"]:
            name = path.removeprefix("file://")
            with gzip.open(name, "rt") as lines:
                rows[message["stream"]] += [json.loads(line, parse_float=Decimal) for line in lines]
    assert rows == {stream: plain.records[stream] for stream in rows}
    assert batched.state == plain.state


def test_only_the_chosen_organisations_are_read(xero_sandbox, run_tap, selecting):
    chosen = xero_sandbox.tenants[1].tenant_id
    run = run_tap(xero_sandbox, catalog=selecting("accounts"), tenant_ids=[chosen])
    assert {record[TENANT] for record in run.records["accounts"]} == {chosen}


def test_a_custom_connection_reads_its_one_organisation(xero_sandbox, run_tap, selecting):
    run = run_tap(xero_sandbox, catalog=selecting("organisations"), refresh_token="")
    (organisation,) = run.records["organisations"]
    assert organisation[TENANT] == xero_sandbox.tenants[0].tenant_id


def test_the_bill_counts_calls_rows_and_bytes(quiet_sandbox, first_run):
    bill = first_run.tap.run.report
    for tenant in quiet_sandbox.tenants:
        for resource in RESOURCES:
            entry = bill.entries[tenant.name, resource.stream]
            cash = dict(resource.fixed).get("paymentsOnly")
            calls = [
                call
                for call in quiet_sandbox.calls.of(f"{resource.path}*", tenant_id=tenant.tenant_id)
                if call.query.get("paymentsOnly") == cash
            ]
            assert entry.usage.calls == len(calls), resource.stream
            assert entry.usage.bytes == sum(call.size for call in calls)
        rows = sum(record[TENANT] == tenant.tenant_id for record in first_run.records["invoices"])
        assert bill.entries[tenant.name, "invoices"].rows == rows
    text = "\n".join(bill.lines())
    for tenant in quiet_sandbox.tenants:
        assert tenant.name in text


def test_invariant_7_no_secret_gets_into_messages(quiet_sandbox, first_run, caplog):
    """Invariant 7: no secret in a log, a state message or an error."""
    said = json.dumps(first_run.messages, default=str) + caplog.text
    for secret in (quiet_sandbox.client_secret, quiet_sandbox.refresh_token):
        assert secret not in said


def test_flattening_goes_the_way_of_the_sdk(xero_sandbox, run_tap, selecting):
    run = run_tap(
        xero_sandbox,
        catalog=selecting("payments"),
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    assert run.error is None
    assert "Account__AccountID" in run.schemas["payments"]["properties"]
    for record in run.records["payments"]:
        assert record["Account__AccountID"] == record["AccountID"]


def test_the_catalog_can_ask_for_the_whole_table(xero_sandbox, run_tap, selecting):
    catalog = selecting("invoices")
    first = run_tap(xero_sandbox, catalog=catalog)
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["forced-replication-method"] = "FULL_TABLE"
        entry["replication_method"] = "FULL_TABLE"
    xero_sandbox.calls.clear()
    again = run_tap(xero_sandbox, catalog=catalog, state=first.state)
    assert again.records["invoices"] == first.records["invoices"]
    assert {call.modified_since for call in xero_sandbox.calls.of("Invoices")} == {None}
