"""Schemas: nothing of Xero's models is missing, and every annotation leads somewhere."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
import xero_python.accounting.models as xero
from jsonschema import Draft4Validator
from tap_xero.models.fields import Kind, Model
from tap_xero.models.resources import BY_STREAM, RESOURCES
from tap_xero.models.schema import annotate
from tap_xero.sync.transform import NOISE

EXPECTED_STREAMS = {
    *("organisations", "currencies", "tax_rates", "accounts", "tracking_categories"),
    *("branding_themes", "payment_services", "users", "contact_groups", "contacts", "items"),
    *("invoices", "credit_notes", "payments", "batch_payments", "prepayments", "overpayments"),
    *("bank_transactions", "bank_transfers", "purchase_orders", "quotes", "repeating_invoices"),
    *("linked_transactions", "manual_journals", "journals", "journals_cash", "budgets"),
    *("expense_claims", "receipts"),
}

KINDS = {
    "str": {Kind.TEXT},
    "bool": {Kind.FLAG},
    "int": {Kind.WHOLE},
    "float": {Kind.AMOUNT, Kind.RATE},
    "date[ms-format]": {Kind.DAY},
    "datetime[ms-format]": {Kind.MOMENT},
}

# Deliberate differences from xero-python's models, each with its reason.
DIFFERENT_KIND = {
    ("BudgetBalance", "Period"): "a year and month, `2019-08`, though declared as a date",
    ("BatchPayment", "DateString"): "the twin of Date, so a date like it",
    ("Quote", "DateString"): "the twin of Date, so a date like it",
    ("Quote", "ExpiryDateString"): "the twin of ExpiryDate, so a date like it",
}
TWINS = re.compile(r"UpdatedDateUTCString$")  # declared as strings; instants like their twin


def xero_model(name: str) -> type:
    found: type = getattr(xero, name)
    return found


def pairs(model: Model, path: str):
    """The model and everything nested in it, with where it is."""
    yield path, model
    for field in model.fields:
        if field.model is not None:
            yield from pairs(field.model, f"{path}.{field.name}")


ALL_MODELS = [pair for resource in RESOURCES for pair in pairs(resource.model, resource.stream)]
# In an embedded copy Xero sends only some fields, so a copy names those it shows.
WHOLE_MODELS = [(path, model) for path, model in ALL_MODELS if not model.partial]


def declared(model: Model) -> dict[str, str]:
    """Property to type, as xero-python declares the model."""
    cls = xero_model(model.name)
    return {cls.attribute_map[each]: kind for each, kind in cls.openapi_types.items()}


def test_there_is_a_stream_for_every_resource_of_the_contract():
    assert set(BY_STREAM) == EXPECTED_STREAMS


@pytest.mark.parametrize(("path", "model"), WHOLE_MODELS, ids=[path for path, _ in WHOLE_MODELS])
def test_no_field_of_xeros_model_is_missing(path, model):
    missing = set(declared(model)) - {field.name for field in model.fields} - set(NOISE)
    assert missing == set()


@pytest.mark.parametrize(("path", "model"), ALL_MODELS, ids=[path for path, _ in ALL_MODELS])
def test_fields_have_the_types_of_xeros_model(path, model):
    types = declared(model)
    for field in model.fields:
        kind = types.get(field.name)
        if kind is None or (model.name, field.name) in DIFFERENT_KIND or TWINS.search(field.name):
            continue
        if field.model is None:
            # Enumerations are classes of xero-python; they travel as text.
            assert field.kind in KINDS.get(kind, {Kind.TEXT}), field.name
        else:
            inner = re.sub(r"^list\[(.*)\]$", r"\1", kind)
            assert (field.kind is Kind.LIST) == kind.startswith("list["), field.name
            assert inner in {field.model.name, "SalesTrackingCategory"}, field.name


def test_every_nested_model_of_xero_is_typed_somewhere():
    """Partial copies may leave fields out only because the full model is a stream or a part."""
    complete = {model.name for _, model in ALL_MODELS if not model.partial}
    copies = {model.name for _, model in ALL_MODELS if model.partial}
    assert copies <= complete


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.stream)
def test_the_organisation_comes_first_then_key_and_lifted_ids(resource):
    names = list(resource.schema["properties"])
    lifted = list(dict.fromkeys(lift.name for lift in resource.model.lifts))
    assert names[: 2 + len(lifted)] == ["TenantID", *resource.key, *lifted]
    assert resource.schema["properties"]["TenantID"]["type"] == "string"
    assert resource.schema["additionalProperties"] is True


def every_property(schema, path=""):
    for name, each in schema.get("properties", {}).items():
        yield f"{path}.{name}", each
        yield from every_property(each, f"{path}.{name}")
        yield from every_property(each.get("items", {}), f"{path}.{name}")


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.stream)
def test_every_property_is_described(resource):
    assert resource.schema["description"]
    bare = [path for path, each in every_property(resource.schema) if not each.get("description")]
    assert bare == []


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.stream)
def test_references_lead_to_the_key_of_a_stream(resource):
    for path, each in every_property(resource.schema):
        reference = each.get("x-references")
        if reference is not None:
            target = BY_STREAM[reference["stream"]]
            assert reference["properties"] == ["TenantID", *target.key], path


def test_child_tables_have_names_of_their_own_and_keys_that_exist():
    seen = {}
    for resource in RESOURCES:
        for path, each in every_property(resource.schema):
            child = each.get("x-child-table")
            if child is not None:
                assert child["name"] not in seen
                assert child["name"] not in BY_STREAM
                seen[child["name"]] = path
                assert set(child["key"]) <= set(each["items"]["properties"])
    assert {"invoice_line_items", "journal_lines", "manual_journal_lines"} <= set(seen)


def test_child_rows_are_filtered_by_what_their_document_is():
    """What they repeat of it is of the record, plain, and called like nothing that they have."""
    said = {}
    for resource in RESOURCES:
        properties = resource.schema["properties"]
        for name, each in properties.items():
            if "x-parent-columns" in each:
                said[resource.stream, name] = repeated = each["x-parent-columns"]
                own = {*each["items"]["properties"], *resource.key, "TenantID"}
                assert own.isdisjoint(repeated.values())
                assert all("properties" not in properties[source] for source in repeated)
                # What Xero sends whole each time would all be written anew.
                assert resource.since
    assert said["invoices", "LineItems"] == {
        "Type": "InvoiceType",
        "Status": "InvoiceStatus",
        "Date": "InvoiceDate",
        "DueDate": "InvoiceDueDate",
        "LineAmountTypes": "InvoiceLineAmountTypes",
        "CurrencyCode": "InvoiceCurrencyCode",
        "CurrencyRate": "InvoiceCurrencyRate",
        "ContactID": "ContactID",
    }
    assert said["journals", "JournalLines"] == {
        "JournalDate": "JournalDate",
        "JournalNumber": "JournalNumber",
        "SourceType": "JournalSourceType",
    }
    streams = {"invoices", "credit_notes", "bank_transactions", "purchase_orders", "journals"}
    streams |= {"manual_journals", "batch_payments", "prepayments", "overpayments", "quotes"}
    assert streams <= {stream for stream, _ in said}


def test_numbers_state_their_decimals():
    payments = BY_STREAM["payments"].schema["properties"]
    assert payments["Amount"]["x-scale"] == 4
    assert payments["CurrencyRate"]["x-scale"] == 10


def test_kind_19_amounts_pass_a_validation_of_floats_unless_a_setting_says_otherwise(
    xero_sandbox, run_tap, selecting
):
    """As `singer-io/target-csv` and others validate: with floats, by jsonschema's Draft 4."""
    catalog = selecting("invoices")

    def refused(**settings):
        run = run_tap(xero_sandbox, catalog=catalog, **settings)
        validator = Draft4Validator(json.loads(json.dumps(run.schemas["invoices"], default=float)))
        records = json.loads(json.dumps(run.records["invoices"], default=float))
        assert records
        return sum(not validator.is_valid(record) for record in records)

    assert refused() == 0
    # A catalog of a run with one setting does for the other.
    assert refused(amount_scale="multipleOf") > 0
    run = run_tap(xero_sandbox, catalog=catalog, amount_scale="multipleOf")
    total = run.schemas["invoices"]["properties"]["Total"]
    assert total["multipleOf"] == Decimal("0.0001")
    assert "x-scale" not in total


def test_annotations_come_back_after_a_trip_through_the_sdk():
    source = BY_STREAM["invoices"].schema
    bare = {
        "type": "object",
        "properties": {
            "Contact": {"type": ["object", "null"], "properties": {"New": {"type": "string"}}},
            "ContactID": {"type": ["string", "null"]},
            "LineItems": {"type": ["array", "null"], "items": {"properties": {"ItemID": {}}}},
            "Mine": {"type": "string"},
        },
    }
    annotated = annotate(bare, source)["properties"]
    assert annotated["ContactID"]["x-references"]["stream"] == "contacts"
    assert annotated["LineItems"]["x-child-table"]["name"] == "invoice_line_items"
    assert annotated["LineItems"]["x-parent-columns"]["Status"] == "InvoiceStatus"
    assert annotated["LineItems"]["items"]["properties"]["ItemID"]["x-references"]
    assert annotated["Mine"] == {"type": "string"}


def test_comments_can_be_understood_alone() -> None:
    """In Unity Catalog nothing tells what "Its lines" are the lines of."""
    for stream, resource in BY_STREAM.items():
        for field in resource.model.fields:
            assert not field.about.startswith("Its "), (stream, field.name)
