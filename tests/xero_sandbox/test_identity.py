"""OAuth as Xero's identity service does it, on a clock that the test moves."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from xero_sandbox.clock import ManualClock
from xero_sandbox.identity import Identity, OAuthError, Tenant
from xero_sandbox.scopes import ALL_SCOPES, opening

TENANTS = [Tenant(f"0000000{n}-0000-4000-8000-000000000000", f"Firm {n}") for n in range(3)]
REDIRECT = "http://localhost:8080/callback"
MINUTE, DAY = 60, 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 2, 2, 9, 0, tzinfo=UTC))


@pytest.fixture
def identity(clock: ManualClock) -> Identity:
    return Identity(clock, TENANTS)


def refused(identity: Identity, token: str) -> bool:
    with pytest.raises(OAuthError) as caught:
        identity.refresh(token)
    return caught.value.code == "invalid_grant"


def test_another_users_consent_reaches_the_organisations_it_names(identity: Identity) -> None:
    seed = identity.another_consent([TENANTS[1].tenant_id])
    rotated = str(identity.refresh(seed)["refresh_token"])
    access = identity.access(str(identity.refresh(rotated)["access_token"]))
    assert access is not None
    assert [row.tenant for row in identity.connections_of(access.grant)] == [TENANTS[1]]
    first = identity.access(str(identity.refresh(identity.refresh_token)["access_token"]))
    assert first is not None
    assert [row.tenant for row in identity.connections_of(first.grant)] == TENANTS


def test_a_refresh_rotates_the_token_and_reaches_every_organisation(identity: Identity) -> None:
    answer = identity.refresh(identity.refresh_token)
    assert answer["refresh_token"] != identity.refresh_token
    assert answer["expires_in"] == 1800
    access = identity.access(str(answer["access_token"]))
    assert access is not None
    assert [row.tenant for row in identity.connections_of(access.grant)] == TENANTS


def test_the_previous_refresh_token_works_for_thirty_minutes(
    identity: Identity, clock: ManualClock
) -> None:
    first = identity.refresh_token
    identity.refresh(first)
    clock.advance(30 * MINUTE)
    assert identity.refresh(first)["refresh_token"]
    clock.advance(1)
    assert refused(identity, first)


def test_grace_counts_from_the_first_use_not_the_last(
    identity: Identity, clock: ManualClock
) -> None:
    first = identity.refresh_token
    for _ in range(4):
        identity.refresh(first)
        clock.advance(10 * MINUTE)
    assert refused(identity, first)


def test_an_unused_refresh_token_dies_after_sixty_days(
    identity: Identity, clock: ManualClock
) -> None:
    clock.advance(60 * DAY)
    token = str(identity.refresh(identity.refresh_token)["refresh_token"])
    clock.advance(60 * DAY + 1)
    assert refused(identity, token)


def test_an_access_token_expires_after_thirty_minutes(
    identity: Identity, clock: ManualClock
) -> None:
    token = str(identity.refresh(identity.refresh_token)["access_token"])
    access = identity.access(token)
    assert access is not None
    clock.advance(30 * MINUTE - 1)
    assert clock.now() < access.expires
    clock.advance(1)
    assert clock.now() >= access.expires


def test_an_access_token_is_a_jwt_that_tells_scopes_and_expiry(
    identity: Identity, clock: ManualClock
) -> None:
    token = str(identity.refresh(identity.refresh_token)["access_token"])
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert claims["exp"] == int(clock.now().timestamp()) + 1800
    assert set(claims["scope"]) == ALL_SCOPES


def test_client_credentials_reach_one_organisation_without_refresh_token(
    identity: Identity,
) -> None:
    answer = identity.client_credentials("accounting.contacts")
    assert "refresh_token" not in answer
    access = identity.access(str(answer["access_token"]))
    assert access is not None
    assert not access.grant.needs_tenant
    assert [row.tenant for row in identity.connections_of(access.grant)] == TENANTS[:1]


def test_client_credentials_can_be_told_to_reach_all(clock: ManualClock) -> None:
    identity = Identity(clock, TENANTS, machine_reaches_all=True)
    access = identity.access(str(identity.client_credentials("")["access_token"]))
    assert access is not None
    assert access.grant.needs_tenant
    assert len(identity.connections_of(access.grant)) == len(TENANTS)


def test_a_code_is_exchanged_once(identity: Identity) -> None:
    scopes = frozenset({"accounting.settings", "offline_access"})
    code = identity.authorize(scopes, [TENANTS[0].tenant_id], REDIRECT, None)
    client = (identity.client_id, identity.client_secret)
    answer = identity.exchange_code(code, REDIRECT, None, *client)
    assert answer["scope"] == "accounting.settings offline_access"
    with pytest.raises(OAuthError, match="invalid_grant"):
        identity.exchange_code(code, REDIRECT, None, *client)


def test_without_offline_access_there_is_no_refresh_token(identity: Identity) -> None:
    code = identity.authorize(frozenset({"accounting.settings"}), [], REDIRECT, None)
    answer = identity.exchange_code(
        code, REDIRECT, None, identity.client_id, identity.client_secret
    )
    assert "refresh_token" not in answer


def test_pkce_needs_the_verifier_and_no_secret(identity: Identity) -> None:
    verifier = "a-verifier-of-at-least-forty-three-characters-long"
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    scopes = frozenset({"offline_access"})
    for given, passes in ((verifier, True), ("another", False), (None, False)):
        code = identity.authorize(scopes, [TENANTS[0].tenant_id], REDIRECT, challenge)
        if passes:
            assert identity.exchange_code(code, REDIRECT, given, identity.client_id, None)
        else:
            with pytest.raises(OAuthError, match="invalid_grant"):
                identity.exchange_code(code, REDIRECT, given, identity.client_id, None)


def test_a_consent_without_a_secret_is_renewed_without_one_and_no_other_is(
    identity: Identity,
) -> None:
    verifier = "a-verifier-of-at-least-forty-three-characters-long"
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    tokens = {}
    for secret in (None, identity.client_secret):
        code = identity.authorize(frozenset({"offline_access"}), [], REDIRECT, challenge)
        answer = identity.exchange_code(code, REDIRECT, verifier, identity.client_id, secret)
        tokens[secret] = str(answer["refresh_token"])
    identity.check_client(identity.client_id, None, tokens[None])
    for token in (tokens[identity.client_secret], identity.refresh_token, "nonsense"):
        with pytest.raises(OAuthError, match="invalid_client"):
            identity.check_client(identity.client_id, None, token)
    with pytest.raises(OAuthError, match="invalid_client"):
        identity.check_client("another app", None, tokens[None])


def test_a_code_needs_its_redirect_uri_and_dies_after_five_minutes(
    identity: Identity, clock: ManualClock
) -> None:
    client = (identity.client_id, identity.client_secret)
    code = identity.authorize(frozenset(), [], REDIRECT, None)
    with pytest.raises(OAuthError, match="invalid_grant"):
        identity.exchange_code(code, REDIRECT + "/other", None, *client)
    code = identity.authorize(frozenset(), [], REDIRECT, None)
    clock.advance(301)
    with pytest.raises(OAuthError, match="invalid_grant"):
        identity.exchange_code(code, REDIRECT, None, *client)


def test_without_pkce_the_secret_is_needed(identity: Identity) -> None:
    code = identity.authorize(frozenset(), [], REDIRECT, None)
    with pytest.raises(OAuthError, match="invalid_client"):
        identity.exchange_code(code, REDIRECT, None, identity.client_id, None)


def test_consent_to_one_organisation_connects_only_that_one(clock: ManualClock) -> None:
    identity = Identity(clock, TENANTS)
    for row in list(identity.connections):
        identity.disconnect(row.connection_id)
    identity.authorize(frozenset(), [TENANTS[1].tenant_id], REDIRECT, None)
    assert [row.tenant for row in identity.connections] == [TENANTS[1]]


def test_revoking_ends_the_consent_and_its_connections(identity: Identity) -> None:
    identity.revoke(identity.refresh_token)
    assert identity.connections == []
    assert refused(identity, identity.refresh_token)


def test_an_app_of_2026_may_not_ask_for_broad_scopes(clock: ManualClock) -> None:
    identity = Identity(clock, TENANTS, granular_only=True)
    assert identity.check_scopes("accounting.invoices.read offline_access")
    with pytest.raises(OAuthError, match=r"accounting\.transactions") as caught:
        identity.check_scopes("accounting.transactions")
    assert caught.value.code == "invalid_scope"


def test_credentials_follow_from_the_seed(clock: ManualClock) -> None:
    one, same, other = (Identity(clock, TENANTS, seed) for seed in (7, 7, 8))
    facts = [
        (item.client_id, item.client_secret, item.refresh_token, item.connections[0].connection_id)
        for item in (one, same, other)
    ]
    assert facts[0] == facts[1]
    assert not set(facts[0]) & set(facts[2])


@pytest.mark.parametrize(
    ("stem", "write", "scope", "opens"),
    [
        ("invoices", False, "accounting.transactions.read", True),
        ("invoices", False, "accounting.invoices.read", True),
        ("invoices", True, "accounting.invoices.read", False),
        ("invoices", False, "accounting.payments.read", False),
        ("contacts", True, "accounting.contacts", True),
        ("settings", False, "accounting.transactions", False),
        ("reports.trialbalance", False, "accounting.reports.read", True),
        ("reports.trialbalance", False, "accounting.reports.trialbalance.read", True),
        ("reports.trialbalance", False, "accounting.reports.balancesheet.read", False),
        ("paymentservices", False, "paymentservices", True),
        ("journals", False, "accounting.journals.read", True),
    ],
)
def test_scopes_open_what_xero_says(stem: str, write: bool, scope: str, opens: bool) -> None:
    assert (scope in opening(stem, write=write)) is opens
    assert scope in ALL_SCOPES
