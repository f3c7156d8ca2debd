"""The whole way from an edit in Xero to a row in Delta, shown and measured.

    uv run python plugins/tools/webhooks_demo.py

starts a Xero sandbox, loads its documents once by polling, starts the webhook receiver with a
pipeline on standby, and then edits invoices, one after the other: for each it says when the row in
the lakehouse had changed, and in the end where the time went. Everything it makes is below
`output/webhooks`; `--stay` leaves it running for edits of your own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from tap_xero.webhooks.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BIN = Path(sys.executable).parent
PIPELINE = "meltano run tap-xero-webhooks target-databricks"
FIRST_LOAD = ("organisations.*", "contacts.*", "invoices.*", "credit_notes.*", "payments.*")
_PATIENCE = 120.0
_POLL = 0.02


@dataclass(frozen=True)
class Journey:
    """One edit on its way; seconds since 1970.

    Attributes:
        edited: The edit was sent to Xero.
        stored: Its event was in the inbox.
        released: The pipeline was let go.
        fetched: Xero had been asked for the record.
        visible: The row in the table had changed.
        ended: The pipeline had ended.
    """

    edited: float
    stored: float
    released: float
    fetched: float
    visible: float
    ended: float

    @property
    def seconds(self) -> float:
        """From the edit to the row."""
        return self.visible - self.edited

    @property
    def legs(self) -> dict[str, float]:
        """How long each leg took."""
        return {
            "Xero to inbox": self.stored - self.edited,
            "gathering": self.released - self.stored,
            "tap: fetching": self.fetched - self.released,
            "target: merging": self.visible - self.fetched,
            "(afterwards: state, end)": self.ended - self.visible,
        }


class Demo:
    """A sandbox, a receiver and a pipeline, and the edits between them.

    Args:
        root: The Meltano project.
        folder: Where everything goes; emptied first.
        standby: Whether the pipeline is started ahead of time.
        invoices: Invoices of each of the three organisations.
        say: Told what is going on.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        *,
        standby: bool = True,
        invoices: int = 400,
        say: Callable[[str], None] = print,
    ) -> None:
        self._root = root
        self._folder = folder
        self._standby = standby
        self._invoices = invoices
        self._say = say
        self._table = folder / "lakehouse" / "xero" / "invoices"
        self.log = folder / "receiver.log"
        self.xero: dict[str, Any] = {}
        self._edits = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything, from the first load to a receiver that is delivered to."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        sandbox = ["serve", "--until-stdin-closes", "--no-limits", f"--invoices={self._invoices}"]
        with _process([sys.executable, "-m", "xero_sandbox", *sandbox]) as xero:
            self.xero = json.loads(_line(xero))
            self._say(f"A Xero sandbox runs at {self.xero['url']}.")
            env = self._environment()
            self._say("Loading its documents by polling …")
            self._meltano(env, "run", "tap-xero", "target-databricks")
            self._say(f"Loaded: {self._rows():,} invoices. Starting the receiver …")
            serve = ["invoke", "tap-xero:webhooks", "--port=0", "--run", PIPELINE]
            serve += ["--standby"] if self._standby else []
            with (
                self.log.open("w") as log,
                _process([str(BIN / "meltano"), *serve], env=env, cwd=self._root, stderr=log) as it,
            ):
                url = json.loads(_line(it))["url"]
                told = self._control("webhooks", subscribe=url)["told"]
                self._say(f"The receiver listens at {url}; Xero's handshake: {told}.")
                yield

    def edit(self) -> Journey:
        """Edit an invoice, wait until its row has changed, and tell how long it took."""
        self._wait_until_warm()
        self._edits += 1
        row = self._invoice(self._edits)
        reference = f"edited at {datetime.now():%H:%M:%S.%f}"  # noqa: DTZ005 (for people)
        runs = len(self._logged("run ends"))
        edited = time.time()
        self._control(
            "documents",
            do="edit",
            tenant=row["tenant_id"],
            resource="Invoices",
            id=row["invoice_id"],
            changes={"Reference": reference},
        )
        before = -1
        while True:
            version, table = self._open()
            if version != before and self._reference(table, row["invoice_id"]) == reference:
                break
            before = version
            self._patiently(edited, "the row did not change")
        visible = table.history(1)[0]["timestamp"] / 1000
        while len(self._logged("run ends")) == runs:
            self._patiently(edited, "the run did not end")
        calls = requests.get(f"{self.xero['url']}/sandbox/calls?path=Invoices", timeout=10).json()
        fetched = datetime.fromisoformat(calls[-1]["at"]).timestamp()
        (released, ended) = (self._logged(each)[-1] for each in ("run begins", "run ends"))
        with Inbox(self._folder / "inbox.db") as inbox:
            stored = max(tally.last_received for tally in inbox.tallies())
        self._say(
            f"Invoice {row['invoice_number'] or row['invoice_id']}: Reference '{reference}' is in "
            f"the lakehouse {visible - edited:.1f} s after the edit."
        )
        return Journey(edited, stored, released, fetched, visible, ended)

    def _environment(self) -> dict[str, str]:
        hook = requests.get(f"{self.xero['url']}/sandbox/webhooks", timeout=10).json()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TAP_", "TARGET_"))}
        return {
            **clean,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "MELTANO_ENVIRONMENT": "local",
            "MELTANO_DATABASE_URI": f"sqlite:///{self._folder.resolve()}/meltano.db",
            "TAP_XERO_API_URL": self.xero["url"],
            "TAP_XERO_IDENTITY_URL": self.xero["url"],
            "TAP_XERO_CLIENT_ID": self.xero["client_id"],
            "TAP_XERO_CLIENT_SECRET": self.xero["client_secret"],
            "TAP_XERO_REFRESH_TOKEN": self.xero["refresh_token"],
            "TAP_XERO_CREDENTIAL_STORE": str(self._folder.resolve() / "credentials.json"),
            "TAP_XERO_CREDENTIAL_STORE_KEY": "of the demo",
            "TAP_XERO_WEBHOOK_SIGNING_KEY": hook["signing_key"],
            "TAP_XERO_WEBHOOK_INBOX_PATH": str(self._folder.resolve() / "inbox.db"),
            "TARGET_DATABRICKS_LAKEHOUSE_PATH": str(self._folder.resolve() / "lakehouse"),
        }

    def _meltano(self, env: dict[str, str], *arguments: str) -> None:
        chosen = {**env, "TAP_XERO__SELECT": json.dumps(FIRST_LOAD)}
        command = [str(BIN / "meltano"), *arguments]
        done = subprocess.run(  # noqa: S603 (our own command line)
            command, cwd=self._root, env=chosen, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")

    def _control(self, what: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.xero['url']}/sandbox/{what}", json=body, timeout=60)
        answer.raise_for_status()
        return dict(answer.json())

    def _wait_until_warm(self) -> None:
        """Wait for the pipeline to stand by, or for the last run to be over."""
        if not self._standby:
            return
        began = time.time()
        with Inbox(self._folder / "inbox.db") as inbox:
            while not inbox.is_warm():
                self._patiently(began, "no pipeline stands by")

    def _patiently(self, since: float, otherwise: str) -> None:
        if time.time() - since > _PATIENCE:
            raise RuntimeError(f"{otherwise}; the receiver said:\n{self.log.read_text()[-3000:]}")
        time.sleep(_POLL)

    def _logged(self, message: str) -> list[float]:
        """When the receiver said something."""
        found = []
        for line in self.log.read_text().splitlines():
            with suppress(ValueError, TypeError, KeyError):
                # Meltano puts a head of its own before what the plugin logs.
                said = json.loads(line[line.index("{") :])
                if said["message"] == message:
                    found.append(datetime.fromisoformat(said["time"]).timestamp())
        return found

    def _open(self) -> tuple[int, DeltaTable]:
        with suppress(TableNotFoundError):
            table = DeltaTable(str(self._table))
            return table.version(), table
        raise RuntimeError("the first load made no table of invoices")

    def _rows(self) -> int:
        return int(self._open()[1].to_pyarrow_table(columns=["invoice_id"]).num_rows)

    def _invoice(self, number: int) -> dict[str, Any]:
        columns = ["tenant_id", "invoice_id", "invoice_number"]
        rows = self._open()[1].to_pyarrow_table(columns=columns).sort_by("invoice_id")
        return dict(rows.slice(number, 1).to_pylist()[0])

    @staticmethod
    def _reference(table: DeltaTable, invoice_id: str) -> str | None:
        found = table.to_pyarrow_table(
            columns=["reference"], filters=[("invoice_id", "=", invoice_id)]
        ).to_pylist()
        return found[0]["reference"] if found else None


@contextmanager
def _process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **pipes, **options)  # noqa: S603 (our own command line)
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _line(process: subprocess.Popen[str]) -> str:
    """The first line that is JSON."""
    for line in process.stdout or ():
        if line.startswith("{"):
            return line
    raise RuntimeError(f"{process.args} ended before it was ready")


def summary(journeys: list[Journey]) -> str:
    """Medians, as lines of text."""
    seconds = [journey.seconds for journey in journeys]
    middle, longest = statistics.median(seconds), max(seconds)
    legs = {
        leg: statistics.median(journey.legs[leg] for journey in journeys)
        for leg in journeys[0].legs
    }
    head = (
        f"From the edit to the row: median {middle:.2f} s of {len(journeys)} edits, longest "
        f"{longest:.2f} s. Where the time goes (medians):"
    )
    return "\n".join([head, *(f"  {leg:<26}{taken:6.2f} s" for leg, taken in legs.items())])


def main() -> None:
    """The demo."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--edits", type=int, default=5, help="how many invoices to edit")
    parser.add_argument("--cold", action="store_true", help="start the pipeline for each run")
    parser.add_argument("--stay", action="store_true", help="go on until interrupted")
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    demo = Demo(root, root / "output" / "webhooks", standby=not options.cold)
    with demo.running(), suppress(KeyboardInterrupt):
        journeys = [demo.edit() for _ in range(options.edits)]
        if journeys:
            print(summary(journeys))
        if options.stay:
            print(f"Edits by POST {demo.xero['url']}/sandbox/documents; Ctrl-C ends.")
            while True:
                time.sleep(1)


if __name__ == "__main__":
    main()
