"""Books on cash basis: a document counts when it is paid.

Its own entry is left out, and a payment, instead of reducing what is owed, is spread over the
accounts and tracking options of the document that it settles, in proportion to what that has
posted to each. Cents that rounding leaves over go one by one to the largest fractions, of equal
ones to the first by account and options, so that no cent is lost and entries stay balanced. Each
payment is spread by itself, so an entry once made never changes when another payment is added.

A document settled by a credit note, prepayment or overpayment never counts.

Source: Xero, Reports and Journals (`paymentsOnly`); Xero Central, How cash basis reports work: they
say that a document counts as it is paid and in proportion, and nothing of the cents.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xero_sandbox.store import Store
    from xero_sandbox.stories.organisation import Organisation


class Share(NamedTuple):
    """What a document has posted to an account, apart for each set of tracking options.

    Attributes:
        account: AccountID.
        options: Ids of tracking options, separated by spaces.
        cents: Cents in base currency, debit positive.
    """

    account: str
    options: str
    cents: int


class CashBasis:
    """How the payments of an organisation are spread, as its documents stand now.

    Args:
        organisation: Whose books.
        store: Where the table `ledger` is.
    """

    def __init__(self, organisation: Organisation, store: Store) -> None:
        self._owed = {organisation.accounts[name].id for name in ("debtors", "creditors", "claims")}
        self._shares: defaultdict[str, list[Share]] = defaultdict(list)
        for source, *share in store.rows(
            "SELECT source, account, options, sum(cents) FROM ledger"
            " WHERE tenant = ? AND accrual_only GROUP BY source, account, options"
            " HAVING sum(cents) ORDER BY source, account, options",
            (organisation.tenant_id,),
        ):
            line = Share(*share)
            if line.account not in self._owed:
                self._shares[source].append(line)

    def spread(self, settles: str, account: str, cents: int) -> list[Share] | None:
        """What a line of a payment is on cash basis; None where it is what it is on accrual basis.

        Args:
            settles: Id of the document that is paid, empty for none.
            account: Account of the line.
            cents: Its cents, debit positive.
        """
        document = self._shares.get(settles)
        if not document or account not in self._owed or not sum(each.cents for each in document):
            return None
        parts = proportional(cents, [each.cents for each in document])
        return [
            each._replace(cents=part) for each, part in zip(document, parts, strict=True) if part
        ]


def proportional(amount: int, weights: Sequence[int]) -> list[int]:
    """Parts of an amount in proportion to weights, in whole cents, by the largest remainder.

    Args:
        amount: Cents, of either sign; the parts of `-amount` are those of `amount`, negated.
        weights: Cents, of either sign; their sum is not zero.
    """
    total = sum(weights)
    sign, turn = (1 if amount > 0 else -1), (1 if total > 0 else -1)
    shares = [divmod(abs(amount) * weight * turn, abs(total)) for weight in weights]
    left = abs(amount) - sum(whole for whole, _ in shares)
    order = sorted(range(len(shares)), key=lambda place: (-shares[place][1], place))
    more = set(order[:left])
    return [sign * (whole + (place in more)) for place, (whole, _) in enumerate(shares)]
