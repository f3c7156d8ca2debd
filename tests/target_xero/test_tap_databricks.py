"""What tap-databricks sends of `xero_writeback` is what this target takes."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pyarrow as pa
from deltalake import write_deltalake
from tap_databricks.tap import TapDatabricks


def sent(way):
    """The messages of tap-databricks, as `meltano.yml` has it read the schema."""
    tap = TapDatabricks(
        config={
            "lakehouse_path": str(way.folder),
            "schemas": ["xero_writeback"],
            "tables": ["contacts", "items"],
        }
    )
    printed = io.TextIOWrapper(io.BytesIO(), write_through=True)
    with redirect_stdout(printed):
        tap.sync_all()
    printed.seek(0)
    return printed.read()


def test_tables_of_the_lakehouse_become_records_in_xero(way):
    contact, item = way.contact(), way.documents("Items")[0]
    persons = [{"first_name": "Ada", "last_name": "Quill", "email_address": "ada@firm.example"}]
    desired = {
        "contacts": [
            {
                "tenant_id": way.one,
                "contact_id": contact["ContactID"],
                "contact_number": None,
                "name": None,
                "email_address": "new@example.com",
                "contact_persons": persons,
                "_loaded": {"email_address": contact["EmailAddress"]},
                "reason": "a new address",
            },
            {
                "tenant_id": way.one,
                "contact_id": None,
                "contact_number": "N-1",
                "name": "Wandering Widgets",
                "email_address": "w@widgets.example",
                "contact_persons": None,
                "_loaded": None,
                "reason": "new",
            },
        ],
        "items": [
            {
                "tenant_id": way.one,
                "code": item["Code"],
                "sales_details": {"unit_price": 19.5, "account_code": None},
            }
        ],
    }
    for table, rows in desired.items():
        write_deltalake(f"{way.folder}/xero_writeback/{table}", pa.Table.from_pylist(rows))
    run = way.take(sent(way), streams=list(desired))
    assert run.code == 0, run.text
    now = way.document("Contacts", contact["ContactID"])
    assert (now["EmailAddress"], now["ContactPersons"][0]["FirstName"]) == (
        "new@example.com",
        "Ada",
    )
    made = [each for each in way.documents("Contacts") if each.get("ContactNumber") == "N-1"]
    assert [each["Name"] for each in made] == ["Wandering Widgets"]
    assert float(way.document("Items", item["ItemID"])["SalesDetails"]["UnitPrice"]) == 19.5
    writes = way.writes()
    assert way.take(sent(way), streams=list(desired)).code == 0
    assert way.writes() == writes
