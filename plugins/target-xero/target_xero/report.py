"""Plan and outcome, for people and for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_xero.text import plural

from target_xero.ledger import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_xero.job import Plan
    from target_xero.ledger import Entry
    from target_xero.planning import Step

_SHOWN = 60
_NOTHING = "(empty)"


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan, field by field, then what it comes to."""
    for step in plan.steps:
        if step.verdict == "unchanged" and not step.words:
            continue
        yield _heading(plan, step)
        if step.verdict in ("write", "conflict"):
            for change in step.changes:
                yield f"    {change.name}: {_shown(change.before)} → {_shown(change.after)}"
    yield from summary_lines(plan)


def _heading(plan: Plan, step: Step) -> str:
    wish = step.wish
    verb = step.action if step.verdict == "write" else step.verdict
    off = "" if wish.resource.stream in plan.streams or step.verdict != "write" else " (off)"
    organisation = plan.names.get(wish.tenant_id, wish.tenant_id)
    name = f" {step.name}" if step.name and step.name != step.key else ""
    why = f" — {wish.reason}" if wish.reason else ""
    words = f": {step.words}" if step.words else ""
    return f"{organisation}, {wish.resource.stream}, {step.key}{name}: {verb}{off}{words}{why}"


def summary_lines(plan: Plan) -> Iterator[str]:
    """For each stream how many records get what, and how many calls that takes."""
    for stream in dict.fromkeys(step.wish.resource.stream for step in plan.steps):
        counts = Counter(step.verdict for step in plan.steps if step.wish.resource.stream == stream)
        line = (
            f"{stream}: {counts['write']:,} to write, {counts['conflict']:,} in conflict, "
            f"{counts['rejected']:,} rejected, {counts['unchanged']:,} as they should be"
        )
        if stream in plan.streams:
            line += f"; {plural(plan.calls(stream), 'call')}"
        elif counts["write"]:
            line += "; off: name it in the setting streams to have it written"
        yield line
    yield from plan.excesses


def outcome_lines(plan: Plan, entries: Sequence[Entry]) -> Iterator[str]:
    """What came of each record that is not simply applied, then the counts."""
    for each in entries:
        if each.status != "applied":
            organisation = plan.names.get(each.tenant_id, each.tenant_id)
            yield f"{organisation}, {each.stream}, {each.key}: {each.status}: {each.words or ''}"
    counts = Counter(each.status for each in entries)
    yield ", ".join(f"{number:,} {status}" for status, number in counts.items()) or "nothing to do"


def plan_json(plan: Plan) -> str:
    """The plan for programs: a line of JSON for each step."""
    return "\n".join(text_of(_row(plan, step)) for step in plan.steps)


def _row(plan: Plan, step: Step) -> dict[str, Any]:
    return {
        "tenant_id": step.wish.tenant_id,
        "organisation": plan.names.get(step.wish.tenant_id),
        "stream": step.wish.resource.stream,
        "key": step.key,
        "name": step.name,
        "verdict": step.verdict,
        "action": step.action if step.verdict == "write" else None,
        "on": step.wish.resource.stream in plan.streams,
        "words": step.words or None,
        "reason": step.wish.reason,
        "changes": [
            {"field": change.name, "before": change.before, "after": change.after}
            for change in step.changes
        ],
    }


def _shown(value: Any) -> str:
    if value in (None, "", [], {}):
        return _NOTHING
    text = value if isinstance(value, str) else text_of(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
