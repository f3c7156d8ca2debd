"""Books as a function of seed and time: determinism, pace, and going on later."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from xero_sandbox.books import Books
from xero_sandbox.clock import ManualClock
from xero_sandbox.shapes import RESOURCES
from xero_sandbox.store import Store
from xero_sandbox.stories.generator import generator_of
from xero_sandbox.stories.organisation import Organisation
from xero_sandbox.stories.timeline import ANCHOR, HISTORY, START, Pace, at_work, worked_by
from xero_sandbox.wire import decode, to_datetime

ANCHOR_TIME = to_datetime(ANCHOR)
LATER = datetime(2026, 3, 17, 15, 20, tzinfo=UTC)


def books_at(moment: datetime, **options) -> Books:
    # Nothing may hang on stories that other books of this process have left behind.
    generator_of.cache_clear()
    return Books(Store(), ManualClock(moment), **{"organisations": 1, "invoices": 120, **options})


def everything(books: Books) -> dict[str, list[bytes]]:
    """Every document of every organisation, journals included, in order."""
    found = {}
    for organisation in books.organisations:
        books.write_journals(organisation.tenant_id)
        for resource in RESOURCES:
            page = books.store.page(organisation.tenant_id, resource)
            found[f"{organisation.tenant_id}/{resource}"] = page.documents
    return found


def test_two_sandboxes_made_alike_serve_the_same_books():
    assert everything(books_at(LATER, organisations=2)) == everything(
        books_at(LATER, organisations=2)
    )


def test_another_process_serves_the_same_books():
    # Texts hash differently in every process; nothing may hang on that.
    script = """
import hashlib
from datetime import datetime, timezone
from xero_sandbox.books import Books
from xero_sandbox.clock import ManualClock
from xero_sandbox.shapes import RESOURCES
from xero_sandbox.store import Store
books = Books(Store(), ManualClock(datetime(2026, 5, 1, tzinfo=timezone.utc)), 1, invoices=60)
(organisation,) = books.organisations
books.write_journals(organisation.tenant_id)
digest = hashlib.sha256()
for resource in RESOURCES:
    digest.update(b"".join(books.store.page(organisation.tenant_id, resource).documents))
books.store.close()
print(digest.hexdigest())
"""
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_another_seed_gives_other_books():
    one, other = books_at(LATER), books_at(LATER, seed=2)
    assert one.organisations[0].tenant_id != other.organisations[0].tenant_id


@pytest.mark.parametrize("steps", [2, 7, 60])
def test_books_brought_forward_in_steps_equal_books_brought_forward_at_once(steps):
    at_once = books_at(LATER)
    stepwise = books_at(ANCHOR_TIME - timedelta(days=200))
    tenant_id = stepwise.organisations[0].tenant_id
    begin = stepwise.clock.now()
    for step in range(steps + 1):
        stepwise.clock.set(begin + (LATER - begin) * step / steps)
        stepwise.advance(tenant_id)
        if step % 3 == 1:
            stepwise.write_journals(tenant_id)
    expected = everything(at_once)
    assert everything(stepwise) == expected
    assert expected[f"{tenant_id}/Journals"]


@pytest.mark.parametrize("invoices", [1, 12, 120, 333])
def test_history_holds_exactly_the_invoices_asked_for_at_the_anchor(invoices):
    books = books_at(ANCHOR_TIME, invoices=invoices)
    tenant_id = books.organisations[0].tenant_id
    books.advance(tenant_id)
    assert books.store.count(tenant_id, "Invoices") == invoices


def test_business_goes_on_at_the_same_pace():
    books = books_at(ANCHOR_TIME + timedelta(days=365), invoices=400)
    tenant_id = books.organisations[0].tenant_id
    books.advance(tenant_id)
    assert books.store.count(tenant_id, "Invoices") == pytest.approx(600, abs=3)


def test_a_later_look_finds_new_and_changed_documents_and_only_those():
    books = books_at(ANCHOR_TIME)
    tenant_id = books.organisations[0].tenant_id
    books.advance(tenant_id)
    before = {decode(text)["InvoiceID"]: text for text in invoices(books)}
    books.clock.advance(days=30)
    books.advance(tenant_id)
    after = {decode(text)["InvoiceID"]: text for text in invoices(books)}
    since = {decode(text)["InvoiceID"] for text in invoices(books, since=ANCHOR_TIME)}
    assert before.keys() < after.keys()
    assert since == {key for key, text in after.items() if before.get(key) != text}
    assert since & before.keys()


def invoices(books: Books, **options) -> list[bytes]:
    return books.store.page(books.organisations[0].tenant_id, "Invoices", **options).documents


def test_nothing_is_dated_later_than_the_clock():
    books = books_at(LATER)
    tenant_id = books.organisations[0].tenant_id
    books.advance(tenant_id)
    for resource in RESOURCES:
        assert books.store.page(tenant_id, resource, since=LATER + timedelta(seconds=1)).total == 0


def test_looking_again_at_the_same_time_changes_nothing():
    books = books_at(LATER)
    first = everything(books)
    assert everything(books) == first


def test_organisations_have_their_own_country_and_ids():
    books = books_at(LATER, organisations=6)
    assert len({organisation.tenant_id for organisation in books.organisations}) == 6
    assert len({organisation.name for organisation in books.organisations}) == 6
    assert [o.currency for o in books.organisations[:4]] == ["NZD", "AUD", "GBP", "USD"]


def test_organisations_may_be_named():
    books = books_at(LATER, organisations=["Pōhutukawa Ltd", "Kelp & Sons"])
    assert [o.name for o in books.organisations] == ["Pōhutukawa Ltd", "Kelp & Sons"]


def test_an_unknown_organisation_is_named_in_the_error():
    with pytest.raises(LookupError, match="no organisation nowhere"):
        books_at(LATER).advance("nowhere")


def test_working_time_and_the_calendar_lead_to_each_other():
    for worked in range(0, HISTORY, HISTORY // 997):
        assert worked_by(at_work(worked)) == worked
    assert START < at_work(0) < at_work(HISTORY - 1) < ANCHOR
    weekdays = Counter(to_datetime(at_work(HISTORY * n // 500)).weekday() for n in range(500))
    assert set(weekdays) == {0, 1, 2, 3, 4}


def test_no_more_has_begun_than_has_happened():
    pace = Pace(37)
    for index in range(60):
        begun = pace.begun(pace.at(index, 0.5))
        assert begun in (index, index - 1, index + 1)
        assert all(pace.at(earlier, 0.999) <= pace.at(index, 0.5) for earlier in range(begun))


def test_jitter_is_even_and_strands_do_not_follow_each_other():
    organisation = Organisation("Even", 0, 1, 100)
    one = [organisation.jitter(1, index) for index in range(4000)]
    two = [organisation.jitter(2, index) for index in range(4000)]
    assert sum(one) / 4000 == pytest.approx(0.5, abs=0.02)
    agreeing = sum((a < 0.5) == (b < 0.5) for a, b in zip(one, two, strict=True))
    assert agreeing / 4000 == pytest.approx(0.5, abs=0.04)
