"""Which customers may stop buying: learns from the features of the marts and scores the last month.

    uv run plugins/marts/examples/customers_at_risk.py output/books.duckdb

Needs no network once uv has the two packages. A logistic regression on purpose: what it learned can
be read. Features of a month say what was known at its end, labels what came in the three months
after it; so it learns from months whose three are over before the first that it is tried on.
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["duckdb", "numpy"]
# ///

from __future__ import annotations

import sys

import duckdb
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

FEATURES = (
    *("tenure_months", "months_since_invoice", "invoices_12_months", "revenue_1_month"),
    *("revenue_3_months", "revenue_12_months", "open_base", "overdue_base", "days_overdue"),
    *("paid_invoices_12_months", "days_late_12_months", "late_share_12_months"),
    *("items_12_months", "tracking_options_12_months"),
)
_QUERY = f"""
    SELECT datediff('month', DATE '2000-01-01', f.month_end) AS month, c.name,
      {", ".join(f"coalesce(f.{name}, 0)::DOUBLE AS {name}" for name in FEATURES)},
      CASE WHEN l.buys_in_following_3_months THEN 0 WHEN NOT l.buys_in_following_3_months THEN 1
        ELSE -1 END AS stops
    FROM marts.customer_month_features AS f
    JOIN marts.customer_month_labels AS l USING (contact_key, month_end)
    JOIN marts.dim_contact AS c USING (contact_key)
    ORDER BY f.month_end, c.name, contact_key
"""  # noqa: S608


def scaled(rows: Matrix) -> Matrix:
    """Features of like size: amounts count by their magnitude, and a column of ones comes first."""
    sized = np.sign(rows) * np.log1p(np.abs(rows))
    return np.hstack([np.ones((len(rows), 1)), sized])


def fitted(rows: Matrix, labels: Matrix, ridge: float = 1.0, steps: int = 50) -> Matrix:
    """Weights of a logistic regression with a ridge, by Newton's method."""
    weights = np.zeros(rows.shape[1])
    penalty = ridge * np.eye(rows.shape[1])
    for _ in range(steps):
        chance = probability(rows, weights)
        gradient = rows.T @ (chance - labels) + penalty @ weights
        curvature = (rows * (chance * (1 - chance))[:, None]).T @ rows + penalty
        weights = weights - np.linalg.solve(curvature, gradient)
    return weights


def probability(rows: Matrix, weights: Matrix) -> Matrix:
    """The chance of each row."""
    return 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))


def area_under_curve(scores: Matrix, labels: Matrix) -> float:
    """How often a row with label 1 has a higher score than one with label 0; 0.5 is chance."""
    higher = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float(np.mean((higher > 0) + 0.5 * (higher == 0)))


def main(database: str) -> int:
    """Train, say how good it is on later months, and score the last one."""
    with duckdb.connect(database, read_only=True) as connection:
        table = connection.execute(_QUERY).fetchnumpy()
    rows = scaled(np.column_stack([np.asarray(table[name], dtype=float) for name in FEATURES]))
    months, stops = np.asarray(table["month"]), np.asarray(table["stops"], dtype=float)
    labelled = months[stops >= 0]
    if len(labelled) == 0 or labelled.max() - labelled.min() < 12:
        print("Not a year of months whose following three are over: nothing to learn from yet.")
        return 1
    first_trial = labelled.max() - 5
    train = (stops >= 0) & (months + 3 <= first_trial)
    trial = (stops >= 0) & (months >= first_trial)
    weights = fitted(rows[train], stops[train])
    area = area_under_curve(probability(rows[trial], weights), stops[trial])
    print(
        f"learned from {train.sum():,} rows, tried on {trial.sum():,}: area under curve {area:.2f}"
    )
    last = months == months.max()
    scores = probability(rows[last], weights)
    names = np.asarray(table["name"])[last]
    for place in np.argsort(-scores)[:10]:
        print(f"{scores[place]:6.0%}  {names[place]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "output/books.duckdb"))
