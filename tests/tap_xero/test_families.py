"""Invariant 14: tokens of one consent are never used for another's pipeline, and none is lost.

Two users of one app, each with an organisation of their own; two pipelines, each with the refresh
token of one of them in its settings, where it stays although Xero replaces it at its first use.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from tap_xero.api.connection import connect
from tap_xero.api.errors import CredentialStoreError, OtherTokensError, RefreshTokenRefusedError
from tap_xero.api.retries import Retries
from tap_xero.auth.places import store_path
from tap_xero.auth.store import open_store
from tap_xero.auth.stored_tokens import StoredTokens, fingerprint

MORE_THAN_GRACE = 31 * 60


@pytest.fixture
def xero(make_xero_sandbox):
    return make_xero_sandbox(organisations=2, invoices=2, auto_approve=True)


@pytest.fixture
def pipeline(xero, config_of):
    """The settings of the pipeline of one of the users."""
    seeds = [xero.identity.another_consent([tenant.tenant_id]) for tenant in xero.tenants]

    def make(number, **more):
        made = config_of(xero, **{"user_agent": "test", "refresh_token": seeds[number], **more})
        return {name: value for name, value in made.items() if value is not None}

    return make


@pytest.fixture
def organisations(xero):
    """The numbers of the organisations that settings lead to, once a new token is needed."""

    def read(config):
        xero.identity.expire_access_tokens()
        xero.clock.advance(MORE_THAN_GRACE)
        connection = connect(config, Retries(), lambda _: None)
        try:
            numbers = {tenant.tenant_id: n for n, tenant in enumerate(xero.tenants)}
            return [numbers[tenant.id] for tenant in connection.client.tenants()]
        finally:
            connection.close()

    return read


@pytest.fixture(params=["file", "command", "command with a key"])
def named(request, tmp_path, manager):
    """Settings that name a store."""
    return {
        "file": {"credential_store": str(tmp_path / "tokens")},
        "command": {"credential_store_command": manager},
        "command with a key": {"credential_store_command": manager, "credential_store_key": "k"},
    }[request.param]


def kept(config):
    return open_store(config, lambda _: None).load()


def keep(config, tokens):
    store = open_store(config, lambda _: None)
    with store.lock():
        store.save(tokens)


def store_of_before(config, *seeds):
    """What versions without ancestors left: fingerprints of the seeds, the latest last."""
    tokens = replace(kept(config), ancestors=(), seeds=tuple(map(fingerprint, seeds)))
    keep(config, tokens)
    return tokens


# Without a store in the settings ---------------------------------------------------------------


def test_invariant_14_each_pipeline_of_an_app_reads_its_own_books_for_ever(pipeline, organisations):
    """The trial: A, B, A, longer apart than the old tokens live on."""
    for number in (0, 1, 0, 0, 1, 1, 0):
        assert organisations(pipeline(number)) == [number]


@pytest.mark.parametrize(
    "key", [None, "a passphrase", Fernet.generate_key().decode()], ids=["file", "text", "Fernet"]
)
def test_each_family_has_a_file_whose_name_tells_nothing(
    pipeline, organisations, state_folder, key
):
    configs = [pipeline(number, credential_store_key=key) for number in (0, 1)]
    for number in (0, 1, 0, 1):
        assert organisations(configs[number]) == [number]
    first, second = sorted(state_folder.glob("credentials-*.json"), key=lambda f: len(f.name))
    assert first == store_path(configs[0])
    digest = second.stem.removeprefix(f"{first.stem}-")
    assert digest not in hashlib.sha256(configs[1]["refresh_token"].encode()).hexdigest()
    for config in configs:
        for file in state_folder.iterdir():
            assert config["refresh_token"].encode() not in file.read_bytes()
    first.unlink()
    assert organisations(configs[1]) == [1], "its file is found although the other one is gone"


def test_families_that_begin_at_the_same_moment_keep_out_of_each_others_way(pipeline, xero):
    numbers = {tenant.tenant_id: n for n, tenant in enumerate(xero.tenants)}

    def read(number):
        connection = connect(pipeline(number), Retries(), lambda _: None)
        try:
            return [numbers[tenant.id] for tenant in connection.client.tenants()]
        finally:
            connection.close()

    wanted = [0, 1] * 4
    with ThreadPoolExecutor(len(wanted)) as pool:
        assert list(pool.map(read, wanted)) == [[number] for number in wanted]


def test_without_a_seed_the_run_goes_on_with_the_first_family(pipeline, organisations):
    assert organisations(pipeline(0)) == [0]
    assert organisations(pipeline(1)) == [1]
    assert organisations(pipeline(0, refresh_token=None)) == [0]
    assert organisations(pipeline(0)) == [0]


def test_a_used_up_seed_names_the_store_that_has_other_tokens(pipeline, organisations):
    assert organisations(pipeline(0)) == [0]
    with pytest.raises(RefreshTokenRefusedError) as caught:
        organisations(pipeline(0, refresh_token="used-up-long-ago"))
    assert str(store_path(pipeline(0))) in str(caught.value)
    assert "take refresh_token out" in str(caught.value)
    assert "used-up-long-ago" not in str(caught.value)
    assert organisations(pipeline(0)) == [0]


# With a store in the settings ------------------------------------------------------------------


def test_a_named_store_of_another_family_is_refused_and_left_as_it_is(
    pipeline, organisations, named
):
    assert organisations(pipeline(0, **named)) == [0]
    before = kept(pipeline(0, **named))
    with pytest.raises(OtherTokensError) as caught:
        organisations(pipeline(1, **named))
    message = str(caught.value)
    assert open_store(pipeline(0, **named), lambda _: None).name in message
    for way_out in ("credential_store", "take refresh_token out", "tap-xero-login"):
        assert way_out in message
    assert pipeline(1)["refresh_token"] not in message
    assert kept(pipeline(0, **named)) == before
    assert organisations(pipeline(0, **named)) == [0]
    assert organisations(pipeline(1, **named, refresh_token=None)) == [0]


def test_a_refusal_is_one_line_and_the_seed_is_not_used_up(
    cli, pipeline, organisations, selecting, tmp_path
):
    named = {"credential_store": str(tmp_path / "tokens")}
    assert organisations(pipeline(0, **named)) == [0]
    done = cli(config=pipeline(1, **named), catalog=selecting("accounts"))
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "| ERROR" in line]
    assert "another pipeline's books" in line
    assert done.stdout == ""
    elsewhere = {"credential_store": str(tmp_path / "elsewhere")}
    assert organisations(pipeline(1, **elsewhere)) == [1]


def test_the_kept_token_itself_stands_for_its_family(pipeline, organisations, named):
    assert organisations(pipeline(0, **named)) == [0]
    copied = kept(pipeline(0, **named)).refresh_token
    for _ in range(2):
        assert organisations(pipeline(0, **named, refresh_token=copied)) == [0]
        assert organisations(pipeline(0, **named)) == [0]


def test_blanks_that_came_with_pasting_change_nothing(pipeline, organisations, named):
    seed = pipeline(0)["refresh_token"]
    assert organisations(pipeline(0, **named, refresh_token=f" {seed}\n")) == [0]
    assert organisations(pipeline(0, **named)) == [0]


# What is on record -----------------------------------------------------------------------------


def test_neither_the_seed_nor_a_hash_that_anybody_can_make_is_on_record(
    pipeline, organisations, manager, tmp_path
):
    """Looked for in a store that is not encrypted, as a secret manager gets it."""
    config = pipeline(0, credential_store_command=manager)
    assert organisations(config) == [0]
    content = (tmp_path / "managed").read_text()
    seed = config["refresh_token"].encode()
    (record,) = json.loads(content)["ancestors"]
    assert seed.decode() not in content
    for kind in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        assert hashlib.new(kind, seed).hexdigest()[:12] not in content
    (tmp_path / "managed").unlink()
    again = pipeline(1, credential_store_command=manager)
    assert organisations(again) == [1]
    keep(again, StoredTokens(again["client_id"], "x").recording(seed.decode()))
    (other,) = json.loads((tmp_path / "managed").read_text())["ancestors"]
    assert record.partition(":")[2] != other.partition(":")[2]


# Stores of before ------------------------------------------------------------------------------


@pytest.mark.parametrize("fresh", [True, False])
def test_a_store_of_before_goes_on_with_its_seed_and_belongs_to_it_from_then_on(
    xero, pipeline, organisations, named, fresh
):
    config = pipeline(0, **named)
    assert organisations(config) == [0]
    tokens = store_of_before(config, "an older one", config["refresh_token"])
    if fresh:
        connection = connect(config, Retries(), lambda _: None)
        assert connection.tokens.token() == tokens.access_token
        connection.close()
    else:
        assert organisations(config) == [0]
    assert kept(config).seeds == ()
    assert len(kept(config).ancestors) == 1
    with pytest.raises(OtherTokensError):
        organisations(pipeline(1, **named))
    assert organisations(config) == [0]


def test_a_store_of_before_is_not_taken_over_by_another_pipeline(pipeline, organisations):
    assert organisations(pipeline(0)) == [0]
    store_of_before(pipeline(0), pipeline(0)["refresh_token"])
    assert organisations(pipeline(1)) == [1]
    assert organisations(pipeline(0)) == [0]


def test_a_store_of_before_that_two_pipelines_shared_belongs_to_the_last_of_them(
    pipeline, organisations, named
):
    assert organisations(pipeline(1, **named)) == [1]
    store_of_before(pipeline(1, **named), *(pipeline(n)["refresh_token"] for n in (0, 1)))
    with pytest.raises(OtherTokensError):
        organisations(pipeline(0, **named))
    assert organisations(pipeline(1, **named)) == [1]


@pytest.mark.parametrize("seeded", [True, False], ids=["of a seed", "of a sign-in"])
def test_a_store_of_before_goes_on_without_a_seed(pipeline, organisations, named, seeded):
    config = pipeline(0, **named)
    assert organisations(config) == [0]
    store_of_before(config, *([config["refresh_token"]] if seeded else []))
    for _ in range(2):
        assert organisations({**config, "refresh_token": ""}) == [0]
    if seeded:
        assert organisations(config) == [0]


def test_a_damaged_store_is_still_named_as_such(pipeline, organisations):
    assert organisations(pipeline(0)) == [0]
    store_path(pipeline(0)).write_text("nonsense")
    for number in (0, 1):
        with pytest.raises(CredentialStoreError, match="is damaged"):
            organisations(pipeline(number))
