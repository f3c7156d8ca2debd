"""The target tells a chat of a run that did not load everything; the tap's tests say how."""

from __future__ import annotations

from chat import SECRET, Chat

INTEGER = {"type": "integer"}


def test_rows_that_were_set_aside_are_told_and_the_log_has_no_address(cli, singer, tmp_path):
    config = {"lakehouse_path": str(tmp_path / "lake")}
    items = [singer.schema("items", {"id": INTEGER}), singer.record("items", {"id": 1})]
    with Chat() as chat:
        done = cli(singer.text(items), {**config, "alert_url": chat.url})
        assert done.returncode == 0, done.stderr
        assert chat.messages.empty()
        # A record without its key is set aside; all else is loaded.
        lines = singer.text([*items, singer.record("items", {"other": 2})])
        done = cli(lines, {**config, "alert_url": chat.url})
        assert done.returncode == 1
        text = chat.messages.get(timeout=5)[1]["text"]
    assert text.startswith("target-databricks: not everything was loaded.")
    assert "items" in text
    assert SECRET not in done.stderr + done.stdout


def test_settings_that_are_wrong_are_told(cli, tmp_path):
    with Chat() as chat:
        config = {"lakehouse_path": str(tmp_path), "clustering": "x", "alert_url": chat.url}
        done = cli(b"", config)
        assert done.returncode == 1
        assert "'clustering'" in chat.messages.get(timeout=5)[1]["text"]


def test_an_alert_that_is_not_taken_leaves_the_exit_code_as_it_is(cli, tmp_path):
    with Chat(status=500) as chat:
        config = {"lakehouse_path": str(tmp_path), "clustering": "x", "alert_url": chat.url}
        done = cli(b"", config)
    assert done.returncode == 1
    assert "The alert was not taken: 127.0.0.1:" in done.stderr
    assert SECRET not in done.stderr
