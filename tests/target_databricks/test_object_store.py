"""A lakehouse in an object store: the same rules, over S3's protocol, on loopback."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from deltalake import DeltaTable

# In an environment of its own: its dependencies and those of xero-python exclude each other.
MOTO = "moto[server]==5.2.5"


@pytest.fixture(scope="module")
def bucket():
    """The URL of an S3 that has an empty bucket `lake`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "tool", "run", "--from", MOTO, "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(url):
            assert server.poll() is None, "moto_server ended at once"
            assert time.monotonic() < deadline, "moto_server did not start"
            time.sleep(0.1)
        requests.put(f"{url}/lake", timeout=10).raise_for_status()
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(url):
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def store(bucket, tmp_path):
    """Settings of a target that loads into the bucket."""
    return {
        "lakehouse_path": "s3://lake/finance",
        "spool_path": str(tmp_path / "spool"),
        "storage_options": {
            "AWS_ENDPOINT_URL": bucket,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_REGION": "us-east-1",
        },
    }


def objects(bucket):
    listed = requests.get(f"{bucket}/lake", params={"list-type": "2"}, timeout=10)
    # The ledger has a row for every run.
    return {k for k in re.findall("<Key>(.*?)</Key>", listed.text) if "_sdc_loads" not in k}


LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": {"type": "integer"}}},
    "x-child-table": {"name": "doc_lines", "key": ["n"]},
}


def test_tables_in_an_object_store_are_merged_like_those_in_a_folder(bucket, store, folder, singer):
    schema = singer.schema("docs", {"id": {"type": "integer"}, "lines": LINES})

    def doc(key, *lines):
        return singer.record("docs", {"id": key, "lines": [{"n": n} for n in lines]})

    state = singer.state({"seen": 2})
    first = folder.run(schema, doc(1, 10, 11), doc(2, 20), state, **store)
    assert first.states == [{"seen": 2}]

    before = objects(bucket)
    folder.run(schema, doc(1, 10, 11), doc(2, 20), **store)
    assert objects(bucket) == before, "an unchanged load left something behind"

    folder.run(schema, doc(1, 11), doc(3, 30), **store)

    def rows(table, *columns):
        uri = f"s3://lake/finance/books/{table}"
        delta = DeltaTable(uri, storage_options=store["storage_options"])
        return sorted(tuple(r[c] for c in columns) for r in delta.to_pyarrow_table().to_pylist())

    assert rows("docs", "id") == [(1,), (2,), (3,)]
    assert rows("doc_lines", "id", "n") == [(1, 11), (2, 20), (3, 30)]
    assert not list(folder.folder.glob("*")), "nothing of it went to a local folder"
