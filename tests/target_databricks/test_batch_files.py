"""What BATCH messages may have loaded: files of the place that the user names, and no more."""

from __future__ import annotations

import gzip
import os

import pytest
from singer_sdk.exceptions import SingerSDKError
from target_databricks.reading import batch_files

INTEGER = {"type": "integer"}


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "files"
    path.mkdir()
    return path


def run(folder, singer, root, url, **encoding):
    message = {
        "type": "BATCH",
        "stream": "items",
        "encoding": {"format": "jsonl", **encoding},
        "manifest": [url],
    }
    settings = {}
    if root:
        storage = {"root": root.as_uri()}
        settings["batch_config"] = {"encoding": {"format": "jsonl"}, "storage": storage}
    folder.run(singer.schema("items", {"id": INTEGER}), message, **settings)


def refused(folder, singer, root, url, *words, **encoding):
    with pytest.raises(SingerSDKError) as error:
        run(folder, singer, root, url, **encoding)
    for word in ("Line 2", "'items'", *words):
        assert word in str(error.value)
    assert folder.tables() == set()


def test_files_are_read_only_from_where_the_user_says(folder, singer, root, tmp_path):
    secret = tmp_path / "secret.jsonl"
    secret.write_text('{"id": 1}\n')
    (root / "link").symlink_to(secret)
    (root / "null").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe")
    outside = ("/dev/zero", "/etc/passwd", secret.as_uri(), str(root / "link"))
    for url in (*outside, str(root / "null"), f"{root}/../secret.jsonl", f"{root}s/rows"):
        refused(folder, singer, root, url, "not below", "batch_config")
    refused(folder, singer, root, str(root / "pipe"), "no regular file")
    refused(folder, singer, root, str(root), "no regular file")
    for url in ("http://example.invalid/x", "gopher://x/y", "s3://bucket/x", "data:,x", 5, None):
        refused(folder, singer, root, url, "not below")
    # Without the setting: from the folder for temporary files, such as this test's.
    refused(folder, singer, None, "/etc/passwd", "not below", "batch_config")
    run(folder, singer, None, secret.as_uri())
    (root / "a b.jsonl").write_text('{"id": 2}\n')
    run(folder, singer, root, (root / "a b.jsonl").as_uri())
    assert folder.rows("items", "id") == [1, 2]


def test_what_is_in_a_file_has_bounds(folder, singer, root, monkeypatch):
    monkeypatch.setattr(batch_files, "LONGEST_LINE", 1 << 20)
    path = root / "bomb"
    path.write_bytes(gzip.compress(b"[" * (64 << 20)))
    refused(folder, singer, root, str(path), "a line has more than", compression="gzip")
    path.write_bytes(gzip.compress(b'{"id": 1}' * 999)[:-30])
    refused(folder, singer, root, str(path), "cannot be read", compression="gzip")
    path.write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\xff" * 99)
    refused(folder, singer, root, str(path), "cannot be read", compression="gzip")
    refused(folder, singer, root, str(path), "zstd", compression="zstd")
    refused(folder, singer, root, str(path), "cannot be read", format="parquet")
    refused(folder, singer, root, str(root / "gone"), "cannot be read")
