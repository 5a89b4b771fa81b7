"""What a search spends, in words: it trains networks, or asks a table or a surrogate about cells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    """Words for one origin of accuracies.

    A search may `verb` so many `unit`s; those are `spent`, in short `counted`; one is `place` number 7.
    """

    verb: str
    unit: str
    spent: str
    counted: str
    place: str


TERMS = {
    "children": Terms("train", "network", "trained networks", "networks", "network"),
    "table": Terms("query", "cell", "queried cells", "queries", "query"),
    "surrogate": Terms("query", "cell", "queried cells", "queries", "query"),
}
