"""Invariant 9: the tap feeds other targets, other taps feed the target, Meltano knows both."""

from __future__ import annotations

import json
import struct
import subprocess
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import samples
import yaml
from conftest import REPOSITORY, Project
from published import HOST, publish
from shown_commands import as_shown
from tap_xero.models.resources import RESOURCES
from xero_sandbox.sandbox import Sandbox

SELECT = '["organisations.*", "contacts.*", "invoices.*"]'


def _add(project: Project, kind: str, plugin: dict[str, object]) -> None:
    """Add a plugin from PyPI to the project, as its meltano.yml would have it."""
    path = project.root / "meltano.yml"
    document = yaml.safe_load(path.read_text())
    document["plugins"].setdefault(kind, []).append(plugin)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def test_the_tap_feeds_target_jsonl(project: Project, xero: Sandbox) -> None:
    project.read_from(xero)
    lines = project.root / "jsonl"
    lines.mkdir()
    _add(
        project,
        "loaders",
        {
            "name": "target-jsonl",
            "namespace": "target_jsonl",
            "pip_url": "target-jsonl==0.1.4",
            "config": {"destination_path": str(lines), "do_timestamp_file": False},
            "settings": [{"name": "destination_path"}, {"name": "do_timestamp_file"}],
        },
    )
    project.meltano("run", "tap-xero", "target-jsonl", TAP_XERO__SELECT=SELECT)
    rows = [json.loads(line) for line in (lines / "invoices.jsonl").read_text().splitlines()]
    assert len(rows) == sum(xero.store.count(t.tenant_id, "Invoices") for t in xero.tenants)
    assert all(row["LineItems"] for row in rows if row["Status"] == "AUTHORISED")


def test_another_tap_feeds_the_target(project: Project) -> None:
    _write_dbf(project.root / "fruit.dbf", [("APPLE", "12.50", date(2026, 1, 2), "T")])
    _add(
        project,
        "extractors",
        {
            "name": "tap-dbf",
            "namespace": "tap_dbf",
            "pip_url": "tap-dbf==0.1.25",
            "capabilities": ["catalog", "discover", "state"],
            "config": {"path": str(project.root / "*.dbf")},
            "settings": [{"name": "path"}],
        },
    )
    project.meltano("run", "tap-dbf", "target-databricks", MELTANO_ENVIRONMENT="local")
    (row,) = project.rows("fruit")
    assert (row["name"], row["born"].date()) == ("APPLE", date(2026, 1, 2))


def _write_dbf(path: Path, rows: list[tuple[str, str, date, str]]) -> None:
    """A dBase III file with a text, a number, a date and a flag."""
    fields = [(b"NAME", b"C", 10, 0), (b"PRICE", b"N", 8, 2), (b"BORN", b"D", 8, 0)]
    fields.append((b"RIPE", b"L", 1, 0))
    width = 1 + sum(f[2] for f in fields)
    head = struct.pack("<BBBBLHH20x", 3, 126, 1, 1, len(rows), 33 + 32 * len(fields), width)
    columns = b"".join(struct.pack("<11sc4xBB14x", *f) for f in fields)
    data = b"".join(
        f" {name:<10}{price:>8}{born:%Y%m%d}{ripe}".encode() for name, price, born, ripe in rows
    )
    path.write_bytes(head + columns + b"\r" + data + b"\x1a")


IN_THEIR_PROJECT = (
    as_shown(
        "meltano add --from-ref https://your.git.host/this-repository/raw/main/"
        "plugins/extractors/tap-xero.yml tap-xero"
    ),
    as_shown(
        "meltano add --from-ref https://your.git.host/this-repository/raw/main/"
        "plugins/loaders/target-databricks.yml target-databricks"
    ),
    as_shown("meltano run tap-xero target-databricks"),
)


@pytest.mark.timeout(400)
def test_from_an_empty_project_to_the_first_rows_as_the_readme_has_it(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`.env` and commands as they stand; git and the definitions' URL lead to this repository."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = text.partition("### In your own Meltano project\n")[2].partition("\n#")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    settings = [line for line in lines if "='" in line]
    assert len(settings) == 5

    project.root = tmp_path_factory.mktemp("empty")
    project.env["MELTANO_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    project.run(as_shown("meltano init books"))
    project.root = theirs = project.root / as_shown("cd books").split()[1]
    (theirs / ".env").write_text("\n".join(settings) + "\n")
    git = publish(tmp_path_factory.mktemp("published"))
    for command in IN_THEIR_PROJECT:
        project.run(command.replace(f"{HOST}/raw/main", str(REPOSITORY)), **git)
    project.lakehouse = theirs / "output" / "lakehouse" / "xero"
    assert project.table("invoices").num_rows > 0
    assert len((theirs / "meltano.yml").read_text().splitlines()) < SHORT


SHORT = 200
"""Lines of a `meltano.yml` that has both definitions in it."""


def test_the_definitions_say_what_the_plugins_say() -> None:
    """`plugins/tools/define.py` has been run since the settings last changed."""
    import define

    for path, text in define.files():
        assert path.read_text(encoding="utf-8") == text, f"run plugins/tools/define.py: {path.name}"


@pytest.mark.timeout(400)
def test_what_people_change_lands_in_meltano_yml_and_survives_a_new_definition(
    project: Project,
) -> None:
    import define

    untouched = (project.root / "meltano.yml").read_text()
    (project.root / "tap-dbf.yml").write_text("{name: tap-dbf, namespace: tap_dbf}")
    everywhere, prod = "--no-environment", "--environment=prod"
    select = as_shown("uv run meltano select tap-xero …")
    project.run(select.replace("…", "invoices '*'"))
    project.meltano(prod, "select", "tap-xero", "contacts", "*")
    project.meltano(everywhere, "config", "set", "tap-xero", "start_date", "2026-01-01")
    project.meltano(prod, "config", "set", "target-databricks", "catalog", "finance")
    add = ("add", "--no-install", "--plugin-type=extractor")
    project.meltano(everywhere, *add, "--inherit-from=tap-xero", "tap-xero-of-ours")
    project.meltano(prod, *add, "--from-ref=tap-dbf.yml", "tap-dbf")

    changed = (project.root / "meltano.yml").read_text()
    for path, text in define.files():
        copy = project.root / path.relative_to(REPOSITORY)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text)
    assert (project.root / "meltano.yml").read_text() == changed
    lines = Counter(changed.splitlines())
    lines.subtract(untouched.splitlines())
    assert min(lines.values()) == 0, "a line of ours is gone, comments and layout included"

    document = yaml.safe_load(changed)
    (theirs,) = (each for each in document["environments"] if each["name"] == "prod")
    assert theirs["config"]["plugins"] == {
        "loaders": [
            {
                "name": "target-databricks",
                "config": {"default_target_schema": "xero", "catalog": "finance"},
            }
        ],
        "extractors": [{"name": "tap-xero", "select": ["contacts.*"]}],
    }
    extractors = {each["name"]: each for each in document["plugins"]["extractors"]}
    assert extractors["tap-xero"] == {
        "name": "tap-xero",
        "variant": "xero-to-databricks",
        "config": {"start_date": "2026-01-01"},
        "select": ["invoices.*"],
    }
    assert extractors["tap-xero-of-ours"]["inherit_from"] == "tap-xero"
    assert "tap-dbf" in extractors

    printed = project.meltano(prod, "config", "print", "tap-xero-of-ours", "--format=json")
    settings = json.loads(printed[printed.index("\n{") :])
    assert settings["start_date"] == "2026-01-01"
    assert settings["api_url"] == "https://api.xero.com", "a default, from the lock file"


def test_jobs_schedules_and_config_tests(project: Project, xero: Sandbox) -> None:
    printed = project.run(f"{as_shown('uv run meltano schedule list')} --format=json")
    schedules = json.loads(printed[printed.index("\n{") :])
    intervals = {s["name"]: s["interval"] for s in schedules["schedules"]["job"]}
    assert intervals == {"documents-hourly": "@hourly", "reference-nightly": "30 2 * * *"}

    project.read_from(xero)
    project.meltano("run", "reference")
    assert "contacts" in project.tables()
    assert "invoices" not in project.tables()
    project.meltano("run", "documents")
    assert "invoices" in project.tables()


STATE_COPIES = (
    as_shown(
        "uv run meltano state copy "
        "prod:tap-xero-to-target-databricks prod:tap-xero-documents-to-target-databricks"
    ),
    as_shown(
        "uv run meltano state copy "
        "prod:tap-xero-to-target-databricks prod:tap-xero-reference-to-target-databricks"
    ),
)


@pytest.mark.stress
def test_the_jobs_go_on_from_the_first_full_run_with_its_state(
    loaded: tuple[Project, Sandbox], tmp_path: Path
) -> None:
    """The commands of *Going live*, as they stand but for the environment."""
    project, _ = loaded
    project = project.copy(tmp_path / "copy")
    for copy in STATE_COPIES:
        project.run(copy.replace("prod:", "local:"), stdin="y\n")
    before = project.rows("_sdc_loads")
    project.meltano("run", "documents")
    project.meltano("run", "reference")
    read = {
        row["stream"]: row["rows_read"] for row in project.rows("_sdc_loads") if row not in before
    }
    assert sum(read.values()) < 20, read


def test_plugin_commands_run(project: Project, xero: Sandbox) -> None:
    project.read_from(xero)
    assert "lakehouse_path" in project.meltano("invoke", "target-databricks:about")
    assert "tenant_ids" in project.meltano("invoke", "tap-xero:about")
    # Names and e-mails are nothing for the log of a build.
    tried = project.meltano("test", "tap-xero:test")
    assert {f"{resource.stream}: read" for resource in RESOURCES} <= {*tried.splitlines()}
    assert "RECORD" not in tried
    assert "@" not in tried


def test_meltanos_own_plugin_tests_leave_nothing_behind(project: Project, xero: Sandbox) -> None:
    project.read_from(xero)
    project.meltano("config", "test", "tap-xero")
    # `meltano config test` of a loader ends in a ProcessLookupError of Meltano 4.4's own, whatever
    # the loader; these are the messages it sends.
    stream = "meltano_test_stream"
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    messages = [
        {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]},
        {"type": "RECORD", "stream": stream, "record": {"id": 1}},
        {"type": "STATE", "value": {"bookmarks": {stream: {"last_record": 1}}}},
        {"type": "ACTIVATE_VERSION", "stream": stream, "version": 1},
    ]
    sent = "\n".join(map(json.dumps, messages)) + "\n"
    printed = project.meltano("invoke", "target-databricks", stdin=sent)
    assert '"last_record":1' in printed.replace(" ", "")
    assert project.tables() == []


def test_the_demo_needs_nothing_and_says_little_and_nothing_alarming(project: Project) -> None:
    """One command, no account, no hub, no warning that comes from us; what the README shows."""
    printed = project.meltano("run", "tap-xero", "target-databricks")
    alarming = [
        line
        for line in printed.splitlines()
        if "warning" in line.lower() or "deprecat" in line.lower()
    ]
    assert [line for line in alarming if "No state was found" not in line] == []
    tenants = {row["tenant_id"] for row in project.rows("organisations")}
    assert len(tenants) == 3
    assert {r["tenant_id"] for r in project.rows("invoices")} == tenants
    assert _sandboxes_of(project) == [], "the sandbox outlived the run"

    again = project.meltano("run", "tap-xero", "target-databricks")
    assert len(again.splitlines()) <= 25, again
    shown = samples.samples((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    for name, output in (("first", printed), ("second", again)):
        told = samples.said(output)
        shapes = {samples.shape(line) for line in told}
        *lines, last = [line for line in shown[name] if not samples.is_progress(line)]
        assert len(lines) > 4
        assert [line for line in lines if samples.shape(line) not in shapes] == [], output
        # Whether there is news to load a second time is chance: business goes on with the clock.
        end = ("target-databricks  xero: ", " " * 19 + "total ")
        assert last.startswith(end)
        assert told[-1].startswith(end), output


def _sandboxes_of(project: Project) -> list[int]:
    """Sandboxes that were started in the project; not those of others on this machine."""
    found = subprocess.run(
        ["pgrep", "-f", "xero_sandbox serve"], capture_output=True, text=True, check=False
    )
    running = [Path("/proc", number) for number in found.stdout.split()]
    return [
        int(process.name)
        for process in running
        if process.exists() and Path(process, "cwd").resolve() == project.root.resolve()
    ]
