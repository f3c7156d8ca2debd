"""A run that dies, an answer that is lost: nothing is doubled, nothing is lost."""

from __future__ import annotations

import pytest
from tap_xero.api.client import Client
from target_xero.ledger import Ledger


class DiedError(BaseException):
    """The process is gone."""


class Deaths:
    """Has the process die around a call of a method, once."""

    def __init__(self, patch):
        self._patch = patch
        self.undo = patch.undo

    def __call__(self, owner, name, moment, nth=1):
        real, calls = getattr(owner, name), []

        def call(itself, *arguments, **named):
            calls.append(name)
            if len(calls) == nth and moment == "before":
                raise DiedError
            came = real(itself, *arguments, **named)
            if len(calls) == nth:
                raise DiedError
            return came

        self._patch.setattr(owner, name, call)


@pytest.fixture
def dying():
    # Not the test's own monkeypatch, which has patches of other fixtures that are to stay.
    with pytest.MonkeyPatch.context() as patch:
        yield Deaths(patch)


def desired(way):
    contacts = [
        {"tenant_id": way.one, "contact_id": way.contact(n)["ContactID"], "first_name": "Ada"}
        for n in range(2)
    ]
    made = [
        {"tenant_id": way.one, "contact_number": f"N-{n}", "name": f"Firm {n}"} for n in range(2)
    ]
    return {
        "contacts": [*contacts, *made],
        "contact_groups": [{"tenant_id": way.one, "name": "Sponsors"}],
        "accounts": [{"tenant_id": way.one, "code": "61", "name": "Soft", "type": "EXPENSE"}],
    }


def assert_written_once(way, wanted):
    for row in wanted["contacts"][:2]:
        assert way.document("Contacts", row["contact_id"])["FirstName"] == "Ada"
    for resource, name, values in (
        ("Contacts", "ContactNumber", ["N-0", "N-1"]),
        ("ContactGroups", "Name", ["Sponsors"]),
        ("Accounts", "Code", ["61"]),
    ):
        has = [each.get(name) for each in way.documents(resource)]
        assert sorted(value for value in has if value in values) == values


AT_ONCE = [
    (Ledger, "append", "after", 1),
    (Ledger, "append", "after", 2),
    (Client, "write", "before", 1),
    (Client, "write", "after", 1),
    (Ledger, "append", "after", 3),
]
"""Before sending, after sending, after the answer: of the first of four calls."""
POINTS = [
    *((Ledger, "append", moment, nth) for nth in range(1, 10) for moment in ("before", "after")),
    *((Client, "write", moment, nth) for nth in range(1, 5) for moment in ("before", "after")),
]
CASES = [
    pytest.param(
        point,
        later,
        id=f"{point[2]} {point[1]} {point[3]}, after {later} seconds",
        marks=() if point in often else pytest.mark.stress,
    )
    for later, often in ((30, AT_ONCE), (600, AT_ONCE[2:4]))
    for point in POINTS
]


@pytest.mark.parametrize(("point", "later"), CASES)
def test_invariant_16_killed_at_any_instant_and_run_again_all_is_written_once(
    way, dying, point, later
):
    wanted = desired(way)
    streams = list(wanted)
    dying(*point)
    with pytest.raises(DiedError):
        way.run(wanted, streams=streams)
    dying.undo()
    way.xero.clock.advance(later)
    way.run(wanted, streams=streams)
    assert_written_once(way, wanted)
    assert set(way.statuses()) == {"applied"}
    writes = way.writes()
    assert way.run(wanted, streams=streams).code == 0
    assert way.writes() == writes


def test_what_is_sent_again_soon_has_the_key_and_the_body_that_it_had(way, dying, monkeypatch):
    wanted = {"contacts": desired(way)["contacts"][2:]}
    dying(Client, "write", "before")
    with pytest.raises(DiedError):
        way.run(wanted, streams=["contacts"])
    dying.undo()
    keys = []
    real = Client.write

    def write(self, tenant, change, params, key, **named):
        keys.append((key, change.body))
        return real(self, tenant, change, params, key, **named)

    monkeypatch.setattr(Client, "write", write)
    way.xero.clock.advance(60)
    way.run(wanted, streams=["contacts"])
    sent = [each for each in way.ledger if each.status == "sent"]
    assert [key for key, _ in keys] == [sent[0].idempotency_key]
    body = ",".join(each.payload for each in sorted(sent, key=lambda each: each.position))
    assert keys[0][1] == f'{{"Contacts":[{body}]}}'.encode()


def test_an_edit_made_after_the_crash_is_not_gone_over(way, dying):
    wanted = desired(way)["contacts"][:1]
    dying(Client, "write", "before")
    with pytest.raises(DiedError):
        way.write("contacts", *wanted)
    dying.undo()
    way.xero.clock.advance(30)
    way.xero.books.edit(way.one, "Contacts", wanted[0]["contact_id"], FirstName="Edited")
    run = way.write("contacts", *wanted)
    assert (run.code, way.writes()) == (1, [])
    assert way.document("Contacts", wanted[0]["contact_id"])["FirstName"] == "Edited"


def test_a_lost_answer_is_asked_for_again_under_the_same_key(way):
    way.xero.faults.add("cut", method="POST", path="Contacts")
    wanted = desired(way)["contacts"][:1]
    assert way.write("contacts", *wanted).code == 0
    assert way.writes() == ["POST Contacts"] * 2
    assert [each.status for each in way.ledger] == ["planned", "sent", "applied"]


def test_an_answer_that_never_comes_is_read_back(way):
    way.xero.faults.add("cut", method="PUT", path="Contacts", count=None)
    assert way.write("contacts", *desired(way)["contacts"][2:]).code == 0
    assert {each.words for each in way.ledger if each.status == "applied"} == {"read back"}


def test_what_nobody_knows_is_unknown_until_it_is_known(way):
    way.xero.faults.add("server_error", method="PUT", path="Contacts", count=None)
    wanted = desired(way)["contacts"][2:]
    assert way.write("contacts", *wanted).code == 1
    assert way.statuses() == ["unknown"] * 2
    way.xero.faults.clear()
    way.xero.clock.advance(400)
    assert way.write("contacts", *wanted).code == 0
    assert way.statuses() == ["applied"] * 2
    assert [each["Name"] for each in way.documents("Contacts")].count("Firm 0") == 1


def test_what_cannot_be_read_back_yet_stays_open(way, dying):
    wanted = desired(way)["contacts"][:1]
    dying(Client, "write", "after")
    with pytest.raises(DiedError):
        way.write("contacts", *wanted)
    dying.undo()
    way.xero.clock.advance(30)
    way.xero.faults.add("tenant_revoked", method="GET", path="Contacts", count=None)
    assert way.write("contacts", *wanted).code == 1
    assert way.statuses() == ["unknown"]
    way.xero.faults.clear()
    way.xero.clock.advance(30)
    assert way.write("contacts", *wanted).code == 0
    assert way.writes() == ["POST Contacts"]
    assert way.statuses() == ["applied"]


def test_a_minute_limit_is_waited_for(way):
    way.xero.faults.add("rate_minute", method="PUT", path="Contacts", seconds=20)
    assert way.write("contacts", *desired(way)["contacts"][2:]).code == 0


def three_accounts(way):
    """Accounts to create, which go one a call."""
    return [
        {"tenant_id": way.one, "code": f"S-{n}", "name": f"Soft {n}", "type": "EXPENSE"}
        for n in range(3)
    ]


def test_a_day_without_calls_leaves_the_rest_planned(way):
    way.xero.faults.add("rate_day", method="PUT", path="Accounts", seconds=40_000)
    rows = three_accounts(way)
    run = way.write("accounts", *rows)
    assert (run.code, way.writes()) == (1, ["PUT Accounts"])
    assert way.statuses() == ["planned"] * 3
    assert "day's calls are used up" in run.text
    assert way.write("accounts", *rows).code == 0


def test_a_missing_write_scope_is_said_with_its_name(way):
    way.xero.faults.add("scope_missing", method="PUT", path="Accounts", count=None)
    rows = three_accounts(way)
    run = way.write("accounts", *rows)
    assert (run.code, way.writes()) == (1, ["PUT Accounts"])
    assert way.statuses() == ["rejected"] * 3
    assert "takes the scope accounting.settings" in run.text
