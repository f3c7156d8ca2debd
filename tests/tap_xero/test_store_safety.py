"""Attack 14 of the trials: a store behind a link, a key that others can read, cheap passphrases."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from tap_xero.api.errors import CredentialStoreError
from tap_xero.auth import encryption
from tap_xero.auth.store import open_store
from tap_xero.auth.stored_tokens import StoredTokens

KEPT = StoredTokens("client", "first-token")
LATER = StoredTokens("client", "second-token")
KEY = Fernet.generate_key().decode()
PASSPHRASE = "a passphrase of the team"


@pytest.fixture
def store():
    def make(path: Path, **config):
        return open_store({"client_id": "client", "credential_store": str(path), **config}, print)

    return make


@pytest.fixture(autouse=True)
def cheap_passphrases():
    """Not here: what they cost is what is tested."""


@pytest.fixture
def derivations(monkeypatch):
    """The cost of each derivation that was made."""
    made = []

    def scrypt(**options):
        made.append(options["n"])
        return Scrypt(**{**options, "n": 2})

    monkeypatch.setattr(encryption, "Scrypt", scrypt)
    return made


# Links -------------------------------------------------------------------------------------


def test_attack_14_a_link_stays_a_link_and_its_target_is_replaced(store, tmp_path):
    volume = tmp_path / "volume"
    link, target = tmp_path / "tokens", volume / "deeper" / "tokens"
    link.symlink_to(target)
    for tokens in (KEPT, LATER):
        with store(link, credential_store_key=KEY).lock():
            store(link, credential_store_key=KEY).save(tokens)
        assert link.is_symlink()
        assert not target.is_symlink()
        assert store(target, credential_store_key=KEY).load() == tokens
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["tokens", "volume"]


def test_attack_14_two_links_to_one_store_have_one_lock(store, tmp_path):
    links = [tmp_path / "one", tmp_path / "two"]
    for link in links:
        link.symlink_to(tmp_path / "tokens")
    order = []

    def second() -> None:
        with store(links[1], credential_store_key=KEY).lock():
            order.append("second")

    thread = threading.Thread(target=second)
    with store(links[0], credential_store_key=KEY).lock():
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_attack_14_a_link_to_a_key_file_that_is_not_there_yet_stays_one(store, tmp_path):
    link = tmp_path / "tokens.key"
    link.symlink_to(tmp_path / "secrets")
    store(tmp_path / "tokens").save(KEPT)
    assert link.is_symlink()
    assert store(tmp_path / "tokens").load() == KEPT


# The key file ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_attack_14_a_key_file_that_others_can_use_is_refused_as_ssh_does(store, tmp_path, mode):
    path = tmp_path / "my tokens"
    store(path).save(KEPT)
    key_file = tmp_path / "my tokens.key"
    key_file.chmod(mode)
    with pytest.raises(CredentialStoreError) as caught:
        store(path).load()
    message = str(caught.value)
    assert f"{mode:04o}" in message
    command = message.partition("nobody has read it: ")[2].partition(". Otherwise")[0]
    subprocess.run(command, shell=True, check=True)
    assert store(path).load() == KEPT


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_attack_14_a_key_file_of_its_owner_alone_is_used(store, tmp_path, mode):
    store(tmp_path / "tokens").save(KEPT)
    (tmp_path / "tokens.key").chmod(mode)
    assert store(tmp_path / "tokens").load() == KEPT


def test_attack_14_a_key_file_that_somebody_else_owns_is_as_they_want_it(
    store, tmp_path, monkeypatch
):
    """A container mounts a secret of root's, for a group."""
    store(tmp_path / "tokens").save(KEPT)
    (tmp_path / "tokens.key").chmod(0o640)
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    assert store(tmp_path / "tokens").load() == KEPT


# The passphrase ----------------------------------------------------------------------------


def of_version_1(passphrase: str, tokens: StoredTokens) -> bytes:
    """A store as it was written before."""
    salt = b"s" * 16
    key = base64.urlsafe_b64encode(
        Scrypt(salt=salt, length=32, n=2**14, r=8, p=1).derive(passphrase.encode())
    )
    envelope = {
        "tap-xero": 1,
        "key": encryption._name(key),
        "salt": base64.b64encode(salt).decode(),
        "data": Fernet(key).encrypt(tokens.dump()).decode(),
    }
    return json.dumps(envelope).encode()


def test_attack_14_a_passphrase_costs_what_owasp_says(store, tmp_path):
    path = tmp_path / "tokens"
    store(path, credential_store_key=PASSPHRASE).save(KEPT)
    stored = json.loads(path.read_bytes())
    assert stored["scrypt"] == {"n": 131_072, "r": 8, "p": 1}
    stretch = Scrypt(salt=base64.b64decode(stored["salt"]), length=32, n=131_072, r=8, p=1)
    key = base64.urlsafe_b64encode(stretch.derive(PASSPHRASE.encode()))
    assert StoredTokens.parse(Fernet(key).decrypt(stored["data"].encode())) == KEPT


def test_attack_14_an_older_store_is_read_and_costs_more_from_its_next_write_on(store, tmp_path):
    path = tmp_path / "tokens"
    path.write_bytes(of_version_1(PASSPHRASE, KEPT))
    opened = store(path, credential_store_key=PASSPHRASE)
    assert opened.load() == KEPT
    assert "scrypt" not in json.loads(path.read_bytes())
    opened.save(LATER)
    assert json.loads(path.read_bytes())["scrypt"]["n"] == 131_072
    assert store(path, credential_store_key=PASSPHRASE).load() == LATER


def test_attack_14_a_run_pays_for_its_passphrase_once(store, tmp_path, derivations):
    path = tmp_path / "tokens"
    store(path, credential_store_key=PASSPHRASE).save(KEPT)
    derivations.clear()
    opened = store(path, credential_store_key=PASSPHRASE)
    for number in range(5):
        with opened.lock():
            opened.load()
            opened.save(StoredTokens("client", f"token-{number}"))
    assert derivations == [131_072]


@pytest.mark.parametrize("stated", [{"n": 2}, {"n": 2**30, "r": 8, "p": 1}, "cheap", [], 7])
def test_attack_14_a_store_cannot_make_its_reader_pay_less_or_more(store, tmp_path, stated):
    path = tmp_path / "tokens"
    path.write_bytes(of_version_1(PASSPHRASE, KEPT))
    path.write_bytes(json.dumps({**json.loads(path.read_bytes()), "scrypt": stated}).encode())
    with pytest.raises(CredentialStoreError, match="is damaged"):
        store(path, credential_store_key=PASSPHRASE).load()
