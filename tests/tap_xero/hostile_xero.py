"""A Xero whose answers are a sandbox's, some of them changed at random as Xero's might be.

Kind 15: types, nulls, what is missing, numbers as text, encodings, headers, cut and doubled bodies,
HTML.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from xero_sandbox.sandbox import Sandbox

URL = "https://xero.test"
API = "/api.xro/2.0/"
NAME = "Kauri"

Json = Any
Answer = tuple[int, dict[str, str], bytes]

ODD: tuple[Json, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        17,
        1.0,
        1e30,
        10**30,
        "",
        "x",
        "null",
        "NaN",
        "1.0",
        "-0",
        "\ud83d",
    ),
    *("/Date(", "/Date(1e9)/", "/Date(99999999999999999)/", "/Date(-1)/", "0001-01-01T00:00:00"),
    *("2026-13-45", "<b>", "\u0000", " ", [], {}, [None], [[]], {"": None}, ["x", {}], [{}] * 3),
    *({"Type": []}, {"ContactID": {}}, {"a": {"b": {"c": [1]}}}, 2**63, "x" * 5_000),
)
"""Values that may stand where another one is expected."""

BODIES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": lambda body, dice: body[: dice.randrange(len(body))],
    "doubled": lambda body, dice: body + body,
    "html": lambda body, dice: b"<!DOCTYPE html><html><body>Sorry</body></html>",
    "nothing": lambda body, dice: b"",
    "an array": lambda body, dice: b"[" + body + b"]",
    "text": lambda body, dice: b'"OK"',
    "null": lambda body, dice: b"null",
    "deep": lambda body, dice: b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    "mark": lambda body, dice: b"\xef\xbb\xbf" + body,
    "utf-16": lambda body, dice: body.decode().encode("utf-16"),
    "latin-1": lambda body, dice: body.replace(b"a", b"\xe9", dice.randrange(1, 9)),
    "half a character": lambda body, dice: body.replace(b'"OK"', rb'"\ud83d"'),
    "spaces": lambda body, dice: b"\r\n\t " + body + b"\n\n",
    "two names": lambda body, dice: b'{"Status":"OK",' + body[1:],
}
HEADERS: tuple[dict[str, str], ...] = (
    {"Content-Type": "text/html"},
    {"Content-Type": "application/xml; charset=utf-7"},
    {"X-DayLimit-Remaining": "many", "X-MinLimit-Remaining": "-5"},
    {"X-DayLimit-Remaining": "1e99", "X-AppMinLimit-Remaining": ""},
    {"X-DayLimit-Remaining": "٣", "X-MinLimit-Remaining": "²"},
    {"Date": "yesterday", "Content-Length": "7"},
    {"Retry-After": "inf", "X-Rate-Limit-Problem": "odd"},
)
STATUSES = (201, 204, 206, 304, 400, 404, 405, 410, 418, 500, 502, 503, 504)


@dataclass
class Recording:
    """What a sandbox answers to every call that a run makes."""

    answers: dict[str, dict[frozenset[tuple[str, str]], bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, sandbox: Sandbox) -> Recording:
        """Ask for everything once more that a run has asked a sandbox for."""
        made = cls()
        token = requests.post(
            f"{sandbox.url}/connect/token",
            data={"grant_type": "client_credentials"},
            auth=(sandbox.client_id, sandbox.client_secret),
            timeout=10,
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        for call in {(each.path, frozenset(each.query.items())) for each in sandbox.calls.of("*")}:
            path, query = call
            if path.startswith("conn"):
                continue
            headers["xero-tenant-id"] = sandbox.tenants[0].tenant_id
            url = f"{sandbox.url}{API}{path}"
            content = requests.get(url, dict(query), headers=headers, timeout=10).content
            # The sandbox logs the name that it has for both.
            asked = path.replace("Organisations", "Organisation")
            made.answers.setdefault(asked, {})[query] = content
        return made

    def body(self, path: str, query: frozenset[tuple[str, str]]) -> bytes | None:
        """The answer to a call; that of a like one where there was none; None past the end."""
        known = self.answers.get(path, {})
        if query in known or not known:
            return known.get(query)
        return next(iter(known.values())) if dict(query).get("page", "1") == "1" else None


@dataclass
class HostileXero:
    """Answers as the recording has them, but for those of some endpoints.

    Attributes:
        recording: What a sandbox answers.
        seed: Decides what is changed, and how.
        victims: First parts of the paths whose answers are changed.
        changes: What was changed, for the message of a failing test.
    """

    recording: Recording
    seed: int
    victims: frozenset[str]
    leaves_only: bool = False
    changes: list[str] = field(default_factory=list)
    url: str = URL
    client_id: str = "app"
    client_secret: str = "secret"
    refresh_token: str = "seed"

    def __call__(self, request: Any, context: Any) -> bytes:
        """Answer a request, as `requests_mock` wants it."""
        parts = urlsplit(request.url)
        path = parts.path.removeprefix(API)
        status, headers, body = self.answer(path, frozenset(parse_qsl(parts.query)))
        context.status_code = status
        context.headers.update(headers)
        return body

    def answer(self, path: str, query: frozenset[tuple[str, str]]) -> Answer:
        """Status, headers and body for a path."""
        body = self.recording.body(path, query)
        if body is None:
            return 404, {}, b'{"Title":"The resource could not be found"}'
        if endpoint(path) not in self.victims:
            return 200, {}, body
        # The same call gets the same answer, however many threads there are.
        dice = random.Random(f"{self.seed} {path} {sorted(query)}")
        return self._changed(path, body, dice)

    def _changed(self, path: str, body: bytes, dice: random.Random) -> Answer:
        way = "leaf" if self.leaves_only else dice.choice(WAYS)
        status, headers = 200, {}
        if way == "body":
            way = dice.choice(sorted(BODIES))
            body = BODIES[way](body, dice)
        elif way == "header":
            headers = dice.choice(HEADERS)
        elif way == "status":
            status = dice.choice(STATUSES)
            body = dice.choice((body, b"", b"<html>", b'{"Detail":{}}', b'{"Message":7}', b"[]"))
        elif way == "packed":
            headers = {"Content-Encoding": "gzip"}
            body = dice.choice((gzip.compress(body)[:-9], body, gzip.compress(body)))
        else:
            tree = json.loads(body)
            places = list(_places(tree, leaf=way == "leaf"))
            for _ in range(dice.randrange(1, 4)):
                if places:
                    way += " " + _change(*dice.choice(places), dice, leaf=way.startswith("leaf"))
            body = json.dumps(tree).encode()
        self.changes.append(f"{path}: {status} {way} {headers or ''}")
        return status, headers, body


WAYS = ("tree", "tree", "tree", "leaf", "body", "body", "header", "status", "packed")


def endpoint(path: str) -> str:
    """What of a path names the endpoint: `Invoices`, `Reports/TrialBalance`."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "Reports" else parts[0]


def _places(tree: Json, *, leaf: bool, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Containers and the names or positions in them; leaves are plain values of a row."""
    items: Any = ()
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree))
    for name, value in items:
        plain = not isinstance(value, (dict, list))
        identity = isinstance(name, str) and name.endswith(("ID", "Code", "TaxType", "Number"))
        if not leaf or (plain and depth >= 2 and isinstance(name, str) and not identity):
            yield tree, name
        yield from _places(value, leaf=leaf, depth=depth + 1)


def _change(container: Any, name: Any, dice: random.Random, *, leaf: bool) -> str:
    """Change one value in its place; gives what was done."""
    if isinstance(container, list) and not leaf:
        if name >= len(container):
            return "nothing"
        way = dice.choice(("odd", "again", "gone"))
        if way == "again":
            container.insert(name, container[name])
        elif way == "gone":
            del container[name]
        else:
            container[name] = dice.choice(ODD)
        return f"[{name}] {way}"
    if name not in container:
        return "nothing"
    value = container[name]
    way = dice.choice(("odd", "text", "gone", "list", "case"))
    if way == "text":
        container[name] = json.dumps(value)
    elif way == "gone":
        del container[name]
    elif way == "list":
        container[name] = [value]
    elif way == "case":
        container[str(name).lower()] = container.pop(name)
    else:
        container[name] = dice.choice(ODD)
    return f"{name} {way} {str(container.get(name, ''))[:40]}"
