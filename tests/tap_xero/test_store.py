"""The credential store: durable, sealed, locked, and clear about what is wrong with it."""

from __future__ import annotations

import os
import stat
import sys

import pytest
from cryptography.fernet import Fernet
from tap_xero.api.errors import CredentialStoreError
from tap_xero.auth import storage
from tap_xero.auth.places import store_path
from tap_xero.auth.store import open_store
from tap_xero.auth.stored_tokens import StoredTokens

KEPT = StoredTokens("client", "refresh-secret", "access-secret", 2e9, 1e9, ("a", "b"), ("seed",))


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def store(tmp_path, warnings):
    def make(**config):
        base = {"client_id": "client", "credential_store": str(tmp_path / "folder" / "tokens")}
        return open_store({**base, **config}, warnings.append)

    return make


def test_what_is_kept_comes_back_and_nobody_else_can_read_it(store, tmp_path, warnings):
    assert store().load() is None
    with store().lock():
        store().save(KEPT)
    assert store().load() == KEPT
    for file in (tmp_path / "folder").iterdir():
        assert b"secret" not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (warning,) = warnings
    assert "tokens.key" in warning


def test_secrets_are_not_in_a_printed_object():
    assert "secret" not in repr(KEPT)


def test_each_app_has_a_file_of_its_own_outside_of_any_project(state_folder):
    one = store_path({"client_id": "one", "identity_url": "x"})
    assert one != store_path({"client_id": "two", "identity_url": "x"})
    assert one.parent == state_folder


@pytest.mark.parametrize(
    "key",
    ["a passphrase of the team", Fernet.generate_key().decode()],
    ids=["passphrase", "Fernet key"],
)
def test_the_key_of_the_settings_is_used_and_no_key_file_made(store, tmp_path, warnings, key):
    store(credential_store_key=key).save(KEPT)
    assert store(credential_store_key=key).load() == KEPT
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["tokens"]
    assert warnings == []


def test_a_keyring_keeps_the_key(store, tmp_path, monkeypatch, warnings):
    (tmp_path / "keyring").mkdir()
    (tmp_path / "keyring" / "__init__.py").write_text(
        "kept = {}\n"
        "def get_password(service, name): return kept.get((service, name))\n"
        "def set_password(service, name, key): kept[service, name] = key\n"
    )
    (tmp_path / "keyring" / "errors.py").write_text("class KeyringError(Exception): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    store().save(KEPT)
    assert store().load() == KEPT
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["tokens"]
    assert warnings == []
    for name in ("keyring", "keyring.errors"):
        # Not by monkeypatch, which would put the fake back at the end.
        del sys.modules[name]


def problem(store) -> str:
    with pytest.raises(CredentialStoreError) as caught:
        store.load()
    assert "secret" not in str(caught.value)
    return str(caught.value)


def test_a_wrong_key_is_told_from_damage(store, tmp_path):
    store(credential_store_key="right").save(KEPT)
    message = problem(store(credential_store_key="wrong"))
    assert "another key" in message
    assert "credential_store_key" in message
    file = tmp_path / "folder" / "tokens"
    whole = file.read_bytes()
    for damaged in (b"", whole[:-30], b"[]", b"\xff", whole.replace(b'"data": "g', b'"data": "h')):
        file.write_bytes(damaged)
        message = problem(store(credential_store_key="right"))
        assert "is damaged" in message
        assert str(file) in message


def test_the_store_of_another_app_is_named(store):
    store(credential_store_key="k").save(KEPT)
    message = problem(store(credential_store_key="k", client_id="other"))
    assert "belongs to the app with client_id client, not to other" in message


def test_a_sealed_thing_that_is_no_store_is_named(store, tmp_path):
    sealed = store(credential_store_key="k")
    sealed._storage.write(sealed._encryption.encrypt(b'"something"'))
    assert "something else than tokens" in problem(sealed)


def test_a_key_file_without_a_key_is_named(store, tmp_path):
    store().save(KEPT)
    (tmp_path / "folder" / "tokens.key").write_text("nonsense")
    assert "holds no key" in problem(store())


def test_an_unreadable_store_is_named(store, tmp_path):
    (tmp_path / "folder" / "tokens").mkdir(parents=True)
    message = problem(store())
    assert "cannot be read" in message
    with pytest.raises(CredentialStoreError, match="cannot be written"):
        store(credential_store_key="k").save(KEPT)


def test_a_failed_write_leaves_the_old_content(store, tmp_path, monkeypatch):
    store(credential_store_key="k").save(KEPT)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(CredentialStoreError, match="No space left"):
        store(credential_store_key="k").save(StoredTokens("client", "newer"))
    assert store(credential_store_key="k").load() == KEPT


def test_a_store_that_another_process_holds_is_waited_for_and_then_named(store, monkeypatch):
    monkeypatch.setattr(storage, "LOCK_TIMEOUT", 0.1)
    with (
        store().lock(),
        pytest.raises(CredentialStoreError, match="Another process"),
        store().lock(),
    ):
        pass


@pytest.mark.parametrize("key", [None, "passphrase"])
def test_a_command_can_keep_the_tokens(store, manager, tmp_path, key):
    config = {"credential_store_command": manager, "credential_store_key": key}
    assert store(**config).load() is None
    with store(**config).lock():
        store(**config).save(KEPT)
    assert store(**config).load() == KEPT
    assert ("refresh-secret" in (tmp_path / "managed").read_text()) == (key is None)


def test_a_sealed_store_behind_a_command_asks_for_its_key(store, manager):
    store(credential_store_command=manager, credential_store_key="k").save(KEPT)
    assert "set credential_store_key" in problem(store(credential_store_command=manager))


def test_a_command_that_fails_is_named(store, manager):
    message = problem(store(credential_store_command=f"{manager} extra"))
    assert "credential_store_command" in message
    assert "exit code 4" in message
