"""The charts beside the tables, as Vega-Lite that Altair has checked.

The page puts the rows under the name `rows`. A row has the floating point number that a mark is
as long as, and in `text` the exact figure in words. What is not a series has the colours of the
page's style sheet by name, so that light, dark and print need no other drawing. Colours are Okabe
and Ito's, and of what has an order, cividis: both are told apart without seeing red or green; lines
differ in their dashes as well.

Source: Okabe and Ito, Color Universal Design, 2008; Nuñez, Anderton and Renslow, PLOS ONE, 2018.
"""

from __future__ import annotations

from typing import Any

import altair as alt

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE = "#56B4E9", "#CC79A7"
KEPT_WON_LOST = [SKY, BLUE, VERMILLION]
_DASHES: list[list[int]] = [[1, 0], [7, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3]]
CIVIDIS = ["#00224E", "#35456C", "#666970", "#948E77", "#C8B866", "#FEE838"]
_HEIGHT = 230
_INK, _SOFT, _LINE = "var(--ink)", "var(--soft)", "var(--line)"
_FIT = {"type": "fit-x", "contains": "padding"}
_CONFIG = {
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": _SOFT,
        "titleColor": _SOFT,
        "labelFontSize": 11,
        "domainColor": _LINE,
        "tickColor": _LINE,
        "gridColor": _LINE,
    },
    "legend": {"labelColor": _INK, "labelFontSize": 12, "columnPadding": 16},
    "font": "inherit",
}

AGES = ("Current", "< 1 month", "1 month", "2 months", "3 months", "Older")
"""The columns of Xero's aged reports."""


def charts() -> dict[str, dict[str, Any]]:
    """Specifications by the name of their section."""
    made = {
        "profit_and_loss": _profit_and_loss(),
        "balance_sheet": _lines([BLUE, ORANGE, GREEN], ["Assets", "Liabilities", "Equity"]),
        "bank_accounts": _lines([BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE]),
        "aged_receivables": _aged(),
        "aged_payables": _aged(),
        "tracking": _tracking(),
        "customers": _customers(),
        "budgets": _budgets(),
    }
    return {
        name: {**chart.to_dict(), "autosize": _FIT, "config": _CONFIG}
        for name, chart in made.items()
    }


def _base() -> alt.Chart:
    return alt.Chart(alt.NamedData("rows"), width="container", height=_HEIGHT).encode(
        tooltip=alt.Tooltip("text:N")
    )


def _month() -> alt.X:
    axis = alt.Axis(title=None, labelOverlap=True, labelSeparation=6, labelAngle=0)
    return alt.X("month:O", sort=None, axis=axis)


def _amount(title: str | None = None) -> alt.Y:
    return alt.Y("amount:Q", axis=alt.Axis(title=title, format="~s", tickCount=6))


def _series(names: list[str], colours: list[str]) -> alt.Color:
    return alt.Color(
        "series:N", sort=names, legend=_legend(), scale=alt.Scale(domain=names, range=colours)
    )


def _legend() -> alt.Legend:
    columns = alt.ExprRef("width < 260 ? 1 : width < 420 ? 2 : width < 700 ? 3 : 6")
    return alt.Legend(title=None, orient="top", symbolLimit=12, labelLimit=150, columns=columns)


def _profit_and_loss() -> Any:
    names = ["Income", "Expenses"]
    bars = (
        _base()
        .transform_filter(alt.FieldOneOfPredicate("series", names))
        .mark_bar()
        .encode(
            x=_month(),
            y=_amount(),
            xOffset=alt.XOffset("series:N", sort=names),
            color=_series(names, [BLUE, ORANGE]),
        )
    )
    net = _base().transform_filter("datum.series === 'Net profit'").encode(x=_month(), y=_amount())
    line = net.mark_line(color=_INK, strokeWidth=2)
    return alt.layer(bars, line, net.mark_point(color=_INK, filled=True, size=35))


def _lines(colours: list[str], names: list[str] | None = None) -> Any:
    def scale(values: list[Any]) -> alt.Scale:
        # Both scales alike, so that there is one legend for the two.
        return alt.Scale(range=values, domain=names) if names else alt.Scale(range=values)

    return (
        _base()
        .mark_line(strokeWidth=2.5)
        .encode(
            x=_month(),
            y=_amount(),
            color=alt.Color("series:N", legend=_legend(), scale=scale(colours)),
            strokeDash=alt.StrokeDash("series:N", legend=_legend(), scale=scale(_DASHES)),
        )
    )


def _aged() -> Any:
    return (
        _base()
        .mark_bar(stroke=_INK, strokeWidth=0.4)
        .encode(
            x=_month(),
            y=_amount(),
            color=_series(list(AGES), CIVIDIS),
            order=alt.Order("place:Q"),
        )
    )


def _tracking() -> Any:
    return (
        _base()
        .properties(height=alt.Step(22))
        .mark_bar(color=BLUE)
        .encode(
            y=alt.Y("series:N", sort=None, axis=alt.Axis(title=None, labelLimit=150)),
            x=alt.X("amount:Q", axis=alt.Axis(title=None, format="~s", tickCount=6)),
        )
    )


def _customers() -> Any:
    names = ["Kept", "Won", "Lost"]
    return (
        _base()
        .mark_bar()
        .encode(x=_month(), y=_amount("customers"), color=_series(names, KEPT_WON_LOST))
    )


def _budgets() -> Any:
    names = ["Better than planned", "Worse than planned"]
    return (
        _base()
        .properties(height=alt.Step(20))
        .mark_bar()
        .encode(
            y=alt.Y("account:N", sort=None, axis=alt.Axis(title=None, labelLimit=150)),
            x=alt.X("amount:Q", axis=alt.Axis(title=None, format="~s", tickCount=6)),
            color=_series(names, [BLUE, ORANGE]),
        )
    )
