"""Colours of the page: text that can be read, series that are told apart without red and green."""

from __future__ import annotations

import re
from importlib import resources
from itertools import combinations

import pytest
from xero_report import charts

STYLE = resources.files("xero_report").joinpath("page", "style.css").read_text(encoding="utf-8")
THEMES = dict(zip(("light", "dark", "print"), re.findall(r":root \{([^}]*)\}", STYLE), strict=True))

# Linear RGB as those see it who lack one kind of cone.
# Source: Viénot, Brettel and Mollon, Color Research and Application, 1999.
SEEN = {
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
}
SERIES = {
    "income and expenses": (charts.BLUE, charts.ORANGE),
    "kept, won, lost": tuple(charts.KEPT_WON_LOST),
    "better and worse": (charts.BLUE, charts.ORANGE),
    "ages": tuple(charts.CIVIDIS),
}


def linear(colour: str) -> tuple[float, ...]:
    """The light of a colour, red, green and blue."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio."""
    lights = sorted(
        sum(w * s for w, s in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
        for colour in (one, other)
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def theme(name: str) -> dict[str, str]:
    light = re.findall(r"--(\w+): (#\w{6})", THEMES["light"])
    full = re.sub(r"#(\w)(\w)(\w);", r"#\1\1\2\2\3\3;", THEMES[name])
    return dict(light) | dict(re.findall(r"--(\w+): (#\w{6})", full))


@pytest.mark.parametrize("name", THEMES)
def test_text_can_be_read(name):
    colours = theme(name)
    for ink in ("ink", "soft", "link", "minus"):
        for paper in ("paper", "tint"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for state in ("good", "doubtful", "bad"):
        assert contrast(colours["on"], colours[state]) >= 4.5, state


@pytest.mark.parametrize("kind", SEEN)
@pytest.mark.parametrize("series", SERIES)
def test_series_are_told_apart_without_seeing_red_or_green(series, kind):
    seen = [
        tuple(
            max(0.0, sum(w * s for w, s in zip(row, linear(colour), strict=True))) ** (1 / 2.2)
            for row in SEEN[kind]
        )
        for colour in SERIES[series]
    ]
    for one, other in combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 0.12
