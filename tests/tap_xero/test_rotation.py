"""Invariant 6: a rotated refresh token is never lost, and invariant 7: no secret in clear.

Two processes renew all the time and are killed at random instants; then somebody can still
renew.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from tap_xero.auth.store import open_store

ROUNDS = int(os.environ.get("ROUNDS", "200"))
SCRIPT = Path(__file__).with_name("killed_renewers.py")

spec = importlib.util.spec_from_file_location("killed_renewers", SCRIPT)
killed_renewers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(killed_renewers)


def renewed(config) -> str:
    """An access token got the way a later run would get it."""
    return killed_renewers.renewed(killed_renewers.credentials(config))


def renewers(configs, rounds, *more):
    process = subprocess.Popen(
        [sys.executable, SCRIPT, str(rounds), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps(configs) + "\n")
    process.stdin.flush()
    return process


def secrets_in(folder, sandbox, config) -> list[str]:
    kept = open_store(config, lambda _: None).load()
    secrets = (
        kept.refresh_token,
        kept.access_token,
        config["client_secret"],
        sandbox.refresh_token,
    )
    return [
        str(file)
        for file in folder.rglob("*")
        if file.is_file() and any(secret.encode() in file.read_bytes() for secret in secrets)
    ]


@pytest.mark.parametrize(
    "rounds", [15, pytest.param(ROUNDS, marks=[pytest.mark.stress, pytest.mark.timeout(900)])]
)
def test_invariant_6_killed_at_any_instant_by_twos_no_token_is_lost(
    make_xero_sandbox, config_of, tmp_path, rounds
):
    sandbox = make_xero_sandbox(organisations=1, invoices=1)
    config = config_of(sandbox, credential_store=str(tmp_path / "tokens"))
    said, log = renewers([config], rounds).communicate()
    assert (said, log) == ("done\n", "")
    asked = sandbox.calls.of("connect/token")
    assert len(asked) > 2 * rounds
    assert {call.status for call in asked} == {200}
    assert secrets_in(tmp_path, sandbox, config) == []


@pytest.mark.parametrize(
    "rounds", [5, pytest.param(ROUNDS, marks=[pytest.mark.stress, pytest.mark.timeout(1800)])]
)
def test_invariant_14_killed_at_any_instant_no_family_of_an_app_gets_the_tokens_of_another(
    make_xero_sandbox, config_of, state_folder, rounds
):
    """Two consents to one app, in the default store, two processes of each at a time."""
    sandbox = make_xero_sandbox(organisations=2, invoices=1)
    wanted = [tenant.tenant_id for tenant in sandbox.tenants]
    seeds = [sandbox.identity.another_consent([tenant]) for tenant in wanted]
    configs = [config_of(sandbox, refresh_token=seed) for seed in seeds]
    said, log = renewers(configs, rounds).communicate()
    assert (said, log) == ("done\n", "")
    assert {call.status for call in sandbox.calls.of("connect/token")} == {200}
    for config, tenant in zip(configs, wanted, strict=True):
        token = renewed(config)
        url = f"{config['api_url'].split('/api.xro')[0]}/connections"
        answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert [each["tenantId"] for each in answer.json()] == [tenant]
    assert len(list(state_folder.glob("credentials-*.json"))) == len(configs)


def test_invariant_6_a_crash_between_the_answer_and_our_write_is_survived(
    make_xero_sandbox, config_of, tmp_path, monkeypatch
):
    sandbox = make_xero_sandbox(organisations=1, invoices=1)
    config = config_of(sandbox, credential_store=str(tmp_path / "tokens"))
    renewed(config)
    with monkeypatch.context() as patch:
        patch.setattr(
            "tap_xero.auth.store.EncryptedStore.save",
            lambda self, kept: (_ for _ in ()).throw(KeyboardInterrupt),
        )
        with pytest.raises(KeyboardInterrupt):
            renewed(config)
    sandbox.clock.advance(29 * 60)
    assert renewed(config)


def test_a_renewal_that_began_is_kept_although_the_process_is_told_to_stop(
    make_xero_sandbox, config_of, tmp_path
):
    for number in range(3):
        sandbox = make_xero_sandbox(organisations=1, invoices=1)
        config = config_of(sandbox, credential_store=str(tmp_path / f"tokens {number}"))
        process = renewers([config], 0, "forever")
        assert process.stdout.readline() == "done\n"
        time.sleep(0.05 + number * 0.006)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert sandbox.calls.of("connect/token")
        # More than the grace period later: only what was kept is good now.
        sandbox.clock.advance(31 * 60)
        assert renewed(config)
