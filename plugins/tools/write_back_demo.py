"""The way back, shown: from a table in the lakehouse to a record in Xero, and back again.

    uv run python plugins/tools/write_back_demo.py emails

starts a Xero sandbox of three organisations, loads its reference data, writes what is desired to
`xero_writeback`, and runs the job `write-back`: the plan, the write, the read back. Then it asks
for the same once more, and there is nothing to do. The stories are `emails` (clean e-mail
addresses), `accounts` (add accounts to several organisations at once) and `options` (rename a
tracking option). Everything it makes is below `output/write-back`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import requests
from deltalake import DeltaTable, write_deltalake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BIN = Path(sys.executable).parent
Row = dict[str, Any]


class Demo:
    """A sandbox, a lakehouse, and the job between them.

    Args:
        root: The Meltano project.
        folder: Where everything goes; emptied first.
        say: Told what is going on.
    """

    def __init__(self, root: Path, folder: Path, say: Callable[[str], None] = print) -> None:
        self._root, self._folder, self._say = root, folder.resolve(), say
        self.lakehouse = self._folder / "lakehouse"
        self.xero: dict[str, Any] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """A sandbox whose reference data is loaded."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        command = [sys.executable, "-m", "xero_sandbox", "serve", "--until-stdin-closes"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([*command, "--invoices=60"], **pipes) as process:  # noqa: S603
            try:
                self.xero = json.loads(process.stdout.readline() if process.stdout else "")
                self._say(f"A Xero sandbox runs at {self.xero['url']}.")
                yield
            finally:
                process.stdin.close() if process.stdin else None

    def tell(self, story: str) -> None:
        """Load, ask, write, read back, and once more."""
        stream, ask = STORIES[story]
        if story == "emails":
            self._soil()
        self._meltano("run", "tap-xero-reference", "target-databricks")
        rows = ask(self)
        self._say(f"Desired, in xero_writeback.{stream}:")
        for row in rows:
            self._say(f"    {json.dumps(row)}")
        write_deltalake(
            str(self.lakehouse / "xero_writeback" / stream),
            pa.Table.from_pylist(rows),
            mode="overwrite",
        )
        on = {"TARGET_XERO_STREAMS": json.dumps([stream])}
        self._meltano("run", "write-back", **on)
        self._meltano("run", "tap-databricks", "target-xero", **on)
        self._say("What xero_writes says:")
        for each in self.rows("xero_writeback", "xero_writes"):
            if each["status"] == "applied":
                self._say(f"    {each['key']}: {each['before']} -> {each['after']}, applied")

    def rows(self, schema: str, table: str) -> list[Row]:
        """Rows of a table."""
        rows = DeltaTable(str(self.lakehouse / schema / table)).to_pyarrow_table().to_pylist()
        return sorted(rows, key=lambda row: json.dumps(row, default=str))

    def organisations(self) -> list[str]:
        """Tenant ids."""
        return [tenant["tenantId"] for tenant in self.xero["tenants"]]

    def _soil(self) -> None:
        """Have some e-mail addresses in Xero as people type them."""
        tenant = self.organisations()[0]
        token = self._token()
        url = f"{self.xero['url']}/api.xro/2.0/Contacts"
        headers = {"Authorization": f"Bearer {token}", "xero-tenant-id": tenant}
        headers["Accept"] = "application/json"
        listed = requests.get(url, headers=headers, timeout=60).json()["Contacts"]
        soiled = [
            {"ContactID": each["ContactID"], "EmailAddress": each["EmailAddress"].upper()}
            for each in listed
            if each["EmailAddress"]
        ][:5]
        requests.post(url, json={"Contacts": soiled}, headers=headers, timeout=60)

    def _token(self) -> str:
        answer = requests.post(
            f"{self.xero['url']}/connect/token",
            auth=(self.xero["client_id"], self.xero["client_secret"]),
            data={"grant_type": "refresh_token", "refresh_token": self.xero["refresh_token"]},
            timeout=60,
        ).json()
        self.xero["refresh_token"] = answer["refresh_token"]
        return str(answer["access_token"])

    def _meltano(self, *arguments: str, **variables: str) -> None:
        lakehouse = str(self.lakehouse)
        env = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "MELTANO_ENVIRONMENT": "local",
            "MELTANO_DATABASE_URI": f"sqlite:///{self._folder}/meltano.db",
            "TAP_XERO_API_URL": self.xero["url"],
            "TAP_XERO_IDENTITY_URL": self.xero["url"],
            "TAP_XERO_CLIENT_ID": self.xero["client_id"],
            "TAP_XERO_CLIENT_SECRET": self.xero["client_secret"],
            "TAP_XERO_REFRESH_TOKEN": self.xero["refresh_token"],
            "TAP_XERO_CREDENTIAL_STORE": str(self._folder / "credentials.json"),
            "TAP_XERO_CREDENTIAL_STORE_KEY": "of the demo",
            "TARGET_DATABRICKS_LAKEHOUSE_PATH": lakehouse,
            "TAP_DATABRICKS_LAKEHOUSE_PATH": lakehouse,
            "TARGET_XERO_LAKEHOUSE_PATH": lakehouse,
            **variables,
        }
        command = [str(BIN / "meltano"), *arguments]
        self._say(f"$ {' '.join(['meltano', *arguments])}")
        subprocess.run(command, cwd=self._root, env=env, check=True)  # noqa: S603 (our own)


def clean_emails(demo: Demo) -> list[Row]:
    """Small letters only, where there are others."""
    return [
        {
            "tenant_id": row["tenant_id"],
            "contact_id": row["contact_id"],
            "email_address": row["email_address"].strip().lower(),
            "reason": "clean e-mail addresses",
        }
        for row in demo.rows("xero", "contacts")
        if row["email_address"] and row["email_address"] != row["email_address"].strip().lower()
    ]


def add_accounts(demo: Demo) -> list[Row]:
    """One more account in each organisation."""
    return [
        {
            "tenant_id": tenant,
            "code": "S485",
            "name": "Software licences",
            "type": "EXPENSE",
            "reason": "one chart of accounts",
        }
        for tenant in demo.organisations()
    ]


def rename_option(demo: Demo) -> list[Row]:
    """A region under its new name."""
    active = {
        row["tracking_category_id"]
        for row in demo.rows("xero", "tracking_categories")
        if row["status"] == "ACTIVE"
    }
    option = next(
        row
        for row in demo.rows("xero", "tracking_options")
        if row["is_active"] and row["tracking_category_id"] in active
    )
    return [
        {
            "tenant_id": option["tenant_id"],
            "tracking_category_id": option["tracking_category_id"],
            "tracking_option_id": option["tracking_option_id"],
            "name": f"{option['name']} (new)",
            "reason": "renamed by sales",
        }
    ]


STORIES: dict[str, tuple[str, Callable[[Demo], list[Row]]]] = {
    "emails": ("contacts", clean_emails),
    "accounts": ("accounts", add_accounts),
    "options": ("tracking_options", rename_option),
}
"""By name: the stream that is written, and what is desired of it."""


def main() -> None:
    """The demo."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("story", choices=STORIES)
    root = Path(__file__).resolve().parents[2]
    demo = Demo(root, root / "output" / "write-back")
    story = parser.parse_args().story
    with demo.running():
        demo.tell(story)


if __name__ == "__main__":
    main()
