"""Over HTTP: tokens, connections, consent, scopes and what a refused call looks like."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import requests
from xero_sandbox.scopes import ALL_SCOPES

REDIRECT = "http://localhost:8080/callback"


def post_token(sandbox: Any, **form: str) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/connect/token",
        data=form,
        auth=(sandbox.client_id, sandbox.client_secret),
        timeout=10,
    )


def token_with(sandbox: Any, scope: str) -> dict[str, str]:
    answer = post_token(sandbox, grant_type="client_credentials", scope=scope).json()
    return {"Authorization": f"Bearer {answer['access_token']}", "Accept": "application/json"}


def api(sandbox: Any, path: str, headers: dict[str, str], method: str = "GET") -> requests.Response:
    return requests.request(
        method, f"{sandbox.url}/api.xro/2.0/{path}", headers=headers, timeout=10
    )


def test_a_client_may_authenticate_by_basic_or_by_form(xero_sandbox: Any) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": xero_sandbox.refresh_token}
    by_basic = post_token(xero_sandbox, **form)
    client = {"client_id": xero_sandbox.client_id, "client_secret": xero_sandbox.client_secret}
    by_form = requests.post(
        f"{xero_sandbox.url}/connect/token", data={**form, **client}, timeout=10
    )
    for response in (by_basic, by_form):
        assert response.status_code == 200
        assert set(response.json()["scope"].split()) == ALL_SCOPES
    wrong = requests.post(
        f"{xero_sandbox.url}/connect/token", data=form, auth=("nobody", "x"), timeout=10
    )
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "nonsense"}, "invalid_grant"),
        ({"grant_type": "client_credentials", "scope": "nonsense"}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_refuses_in_the_words_of_oauth(
    xero_sandbox: Any, form: dict[str, str], error: str
) -> None:
    response = post_token(xero_sandbox, **form)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_connections_is_a_bare_array_with_seven_digit_times(xero_sandbox: Any) -> None:
    url = f"{xero_sandbox.url}/connections"
    rows = requests.get(url, headers=xero_sandbox.headers(), timeout=10).json()
    assert [(row["tenantId"], row["tenantName"]) for row in rows] == [
        (tenant.tenant_id, tenant.name) for tenant in xero_sandbox.tenants
    ]
    assert {row["tenantType"] for row in rows} == {"ORGANISATION"}
    for row in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}", row["createdDateUtc"])
    event = {"authEventId": "00000000-0000-4000-8000-000000000000"}
    headers = xero_sandbox.headers()
    assert requests.get(url, params=event, headers=headers, timeout=10).json() == []
    event["authEventId"] = rows[0]["authEventId"]
    assert requests.get(url, params=event, headers=headers, timeout=10).json() == rows


def test_a_deleted_connection_is_forbidden_and_gone(xero_sandbox: Any) -> None:
    headers = xero_sandbox.headers()
    url = f"{xero_sandbox.url}/connections"
    first = requests.get(url, headers=headers, timeout=10).json()[0]
    assert requests.delete(f"{url}/{first['id']}", headers=headers, timeout=10).status_code == 204
    assert requests.delete(f"{url}/{first['id']}", headers=headers, timeout=10).status_code == 404
    response = api(xero_sandbox, "Organisation", headers)
    assert response.status_code == 403
    assert response.json()["Detail"] == "AuthenticationUnsuccessful"
    assert api(xero_sandbox, "Organisation", xero_sandbox.headers(1)).status_code == 200


def test_revocation_forbids_what_the_access_token_still_names(xero_sandbox: Any) -> None:
    headers = xero_sandbox.headers()
    response = requests.post(
        f"{xero_sandbox.url}/connect/revocation",
        data={"token": xero_sandbox.refresh_token},
        auth=(xero_sandbox.client_id, xero_sandbox.client_secret),
        timeout=10,
    )
    assert response.status_code == 200
    assert api(xero_sandbox, "Organisation", headers).status_code == 403
    form = {"grant_type": "refresh_token", "refresh_token": xero_sandbox.refresh_token}
    assert post_token(xero_sandbox, **form).json() == {"error": "invalid_grant"}


def test_a_custom_connection_needs_no_tenant_header(xero_sandbox: Any) -> None:
    headers = token_with(xero_sandbox, "accounting.settings.read")
    rows = api(xero_sandbox, "Organisation", headers).json()["Organisations"]
    assert rows[0]["Name"] == xero_sandbox.tenants[0].name
    headers["xero-tenant-id"] = xero_sandbox.tenants[1].tenant_id
    assert api(xero_sandbox, "Organisation", headers).status_code == 403


def test_a_users_token_needs_the_tenant_header(xero_sandbox: Any) -> None:
    headers = xero_sandbox.headers()
    del headers["xero-tenant-id"]
    assert api(xero_sandbox, "Organisation", headers).status_code == 403


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic abc", "Bearer"])
def test_without_a_good_token_a_call_is_unauthorized(
    xero_sandbox: Any, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = api(xero_sandbox, "Organisation", headers)
    assert response.status_code == 401
    body = response.json()
    assert (body["Title"], body["Status"]) == ("Unauthorized", 401)
    assert body["Detail"] == "AuthenticationUnsuccessful"
    assert UUID(body["Instance"])
    connections = requests.get(f"{xero_sandbox.url}/connections", headers=headers, timeout=10)
    assert connections.status_code == 401


def test_an_expired_token_is_told_when(xero_sandbox: Any) -> None:
    headers = xero_sandbox.headers()
    xero_sandbox.clock.advance(1801)
    response = api(xero_sandbox, "Organisation", headers)
    assert response.status_code == 401
    assert re.fullmatch(
        r"TokenExpired: token expired at \d\d/\d\d/\d{4} \d\d:\d\d:\d\d", response.json()["Detail"]
    )


def test_a_scope_opens_its_endpoints_only(xero_sandbox: Any) -> None:
    headers = token_with(xero_sandbox, "accounting.invoices.read")
    assert api(xero_sandbox, "Invoices?page=1", headers).status_code == 200
    assert api(xero_sandbox, "Items", headers).status_code == 200
    for path, method in (("Payments", "GET"), ("Items", "POST"), ("Reports/TrialBalance", "GET")):
        response = api(xero_sandbox, path, headers, method)
        assert (response.status_code, response.json()["Detail"]) == (
            401,
            "AuthorizationUnsuccessful",
        )


def test_journals_can_be_gated(make_xero_sandbox: Any) -> None:
    sandbox = make_xero_sandbox(journals=False)
    response = api(sandbox, "Journals", sandbox.headers())
    assert (response.status_code, response.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
    assert api(sandbox, "Invoices?page=1", sandbox.headers()).status_code == 200


# -- consent ---


def consent(sandbox: Any, **changes: str) -> tuple[str, dict[str, str]]:
    asked = {
        "response_type": "code",
        "client_id": sandbox.client_id,
        "redirect_uri": REDIRECT,
        "scope": "offline_access accounting.settings",
        "state": "a state & more",
        **changes,
    }
    return f"{sandbox.url}/identity/connect/authorize", asked


def redirected(response: requests.Response) -> dict[str, str]:
    assert response.status_code == 302
    assert response.headers["Location"].startswith(REDIRECT)
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def test_a_user_picks_organisations_on_the_consent_page(xero_sandbox: Any) -> None:
    for tenant in xero_sandbox.tenants:
        for row in xero_sandbox.identity.connections:
            if row.tenant == tenant:
                xero_sandbox.identity.disconnect(row.connection_id)
                break
    url, asked = consent(xero_sandbox)
    page = requests.get(url, params=asked, timeout=10).text
    assert all(tenant.name in page for tenant in xero_sandbox.tenants)
    chosen = xero_sandbox.tenants[1].tenant_id
    form = {**asked, f"tenant-{chosen}": "on", "decision": "allow"}
    answer = redirected(requests.post(url, data=form, allow_redirects=False, timeout=10))
    assert answer["state"] == "a state & more"
    tokens = post_token(
        xero_sandbox,
        grant_type="authorization_code",
        code=answer["code"],
        redirect_uri=REDIRECT,
    ).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    rows = requests.get(f"{xero_sandbox.url}/connections", headers=headers, timeout=10).json()
    assert [row["tenantId"] for row in rows] == [chosen]


def test_consent_can_be_refused_or_given_by_itself(make_xero_sandbox: Any) -> None:
    sandbox = make_xero_sandbox(auto_approve=True)
    url, asked = consent(sandbox)
    answer = redirected(requests.get(url, params=asked, allow_redirects=False, timeout=10))
    assert answer["code"]
    form = {**asked, "decision": "cancel"}
    answer = redirected(requests.post(url, data=form, allow_redirects=False, timeout=10))
    assert answer["error"] == "access_denied"


def test_an_impossible_request_for_consent_goes_back_with_its_error(xero_sandbox: Any) -> None:
    for changes, error in (
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "abc", "code_challenge_method": "plain"}, "invalid_request"),
    ):
        url, asked = consent(xero_sandbox, **changes)
        answer = redirected(requests.get(url, params=asked, allow_redirects=False, timeout=10))
        assert answer["error"] == error


def test_an_unknown_client_or_redirect_is_never_redirected(xero_sandbox: Any) -> None:
    for changes in ({"client_id": "nobody"}, {"redirect_uri": "javascript:alert(1)"}):
        url, asked = consent(xero_sandbox, **changes)
        response = requests.get(url, params=asked, allow_redirects=False, timeout=10)
        assert response.status_code == 400


def test_the_consent_page_escapes_what_it_was_given(xero_sandbox: Any) -> None:
    url, asked = consent(xero_sandbox, state='"><script>')
    assert "<script>" not in requests.get(url, params=asked, timeout=10).text


def test_the_discovery_document_names_the_endpoints(xero_sandbox: Any) -> None:
    url = f"{xero_sandbox.url}/.well-known/openid-configuration"
    document = requests.get(url, timeout=10).json()
    assert document["token_endpoint"] == f"{xero_sandbox.url}/connect/token"
