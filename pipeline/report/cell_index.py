"""The cells that a reader can look up in the page: by name, or by drawing one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline import spaces
from pipeline.report import results, words
from pipeline.report.cell_graphs import KINDS, LABELS, TITLES
from pipeline.report.cells import COLOURS
from pipeline.report.context import Context
from pipeline.spaces.archs import Archs

MAX_CELLS = 16_000  # in one page; all of NAS-Bench-201
ROLES = {"labelled": "labelled cell", "held_out": "held-out cell", "unused": ""}


def cell_index(c: Context) -> dict:
    """Return what the page's search knows.

    space: how its cells are drawn (see `described`). names; short, where a name does not begin with it; code:
    of each cell, as `codes` has it. facts: label, kind ("percent", "number" or "text") and a value a cell.
    asked: strategy and {cell's place: runs that asked for it}. of: cells that there are in all.
    """
    frame, archs = _cells(c)
    known, spelled = frame["cell"].tolist(), codes(archs)
    short = spelled if c.short(known[0]) == spelled[0] else [c.short(name) for name in known]
    return {
        "space": described(archs.space),
        "names": known,
        "short": ["" if name.startswith(text) else text for name, text in zip(known, short, strict=True)],
        "code": spelled,
        "facts": _facts(c, frame),
        "asked": _asked(c, {name: place for place, name in enumerate(known)}),
        "digits": c.digits,
        "of": len(c.run.labels.frame) if c.run.labels else len(known),
    }


def _cells(c: Context) -> tuple[pd.DataFrame, Archs]:
    """All cells of the table and of the searches, best first; of too many, the best and every n-th other."""
    parts, archs = [], []
    if c.run.labels is not None:
        parts.append(c.run.labels.frame[["cell", "role", "val_acc", "test_acc"]])
        archs.append(c.run.labels.archs)
    for name, frame in c.frames.items():
        own = frame.drop_duplicates("cell")
        known = set(pd.concat([part["cell"] for part in parts])) if parts else set()
        own = own[~own["cell"].isin(known)]
        if c.queried == "test_acc":
            own = own.assign(test_acc=own["val_acc"], val_acc=np.nan)
        parts.append(own[["cell", "val_acc", "test_acc"]].assign(role="found"))
        archs.append(c.run.searches[name].archs[own["row"].to_numpy(int)])
    joined, together = pd.concat(parts, ignore_index=True), Archs.concatenate(archs)
    order = np.argsort(-joined["val_acc"].fillna(-1).to_numpy(), kind="stable")
    if len(order) > MAX_CELLS:
        best, rest = order[: MAX_CELLS // 2], order[MAX_CELLS // 2 :]
        spread = np.linspace(0, len(rest) - 1, MAX_CELLS - len(best)).astype(int)
        order = np.concatenate([best, rest[spread]])
    return joined.iloc[order].reset_index(drop=True), together[order]


def described(space: str) -> dict:
    """Return how a space's cells are drawn. ops: (label, colour, colour of text, kind) by digit.

    on: "nodes", with the most vertices that a cell may have, or "edges", with a title for each cell of an
    architecture, its edges as pairs of nodes, the numbers of nodes and of inputs, and the digit of no
    operation.
    """
    module = spaces.load(space)
    if module.OPERATIONS_ON == "nodes":
        known = [module.OP_NAMES[code] for code in module.INTERIOR_OPS]
        return {"on": "nodes", "ops": [_operation(op) for op in known], "vertices": module.V}
    titles = [TITLES.get(n, n) for n in getattr(module, "CELL_NAMES", ("",) * module.N_CELLS)]
    return {
        "on": "edges",
        "ops": [_operation(op) for op in module.OP_NAMES],
        "titles": titles,
        "edges": module.EDGES,
        "nodes": max(target for _, target in module.EDGES) + 1,
        "inputs": len(module.INPUT_NODES),
        "none": module.OP_NAMES.index("none"),
    }


def _operation(name: str) -> tuple[str, str, str, str]:
    kind = KINDS.get(name, "")
    fill, ink = COLOURS.get(kind, ("", ""))
    return LABELS.get(name, name), fill, ink, kind


def codes(archs: Archs) -> list[str]:
    """Return a text for each cell that the page's script draws and compares.

    Operations on edges: a digit an edge, in the space's order. Operations on nodes, of what lies between
    input and output: a digit an interior vertex, a colon, and the adjacency matrix' upper triangle by rows.
    """
    module = spaces.load(archs.space)
    if module.OPERATIONS_ON == "edges":
        return ["".join(map(str, row)) for row in archs.ops.reshape(len(archs), -1).tolist()]
    archs = module.prune(archs)
    digit = {code: str(place) for place, code in enumerate(module.INTERIOR_OPS)}
    none = module.OP_NAMES.index("none")
    found = []
    for ops, adj in zip(archs.ops, archs.adj, strict=True):
        there = np.flatnonzero(ops != none)
        upper = adj[np.ix_(there, there)][np.triu_indices(len(there), 1)]
        inner = "".join(digit[code] for code in ops[there[1:-1]].tolist())
        found.append(f"{inner}:{''.join(map(str, upper.tolist()))}")
    return found


def _facts(c: Context, frame: pd.DataFrame) -> list[dict]:
    accuracies = ["val_acc", "test_acc"] if c.has_test else ["val_acc"]
    facts = [
        {"label": words.ACCURACIES[name], "kind": "percent", "values": frame[name].round(5).to_numpy()}
        for name in accuracies
    ]
    if c.run.labels is not None:
        every = np.sort(c.run.labels.frame["val_acc"].dropna().to_numpy())
        values = frame["val_acc"].to_numpy()
        rank = len(every) - np.searchsorted(every, values, side="right") + 1.0
        rank[np.isnan(values) | (frame["role"] == "found").to_numpy()] = np.nan
        facts.append({"label": f"rank of {words.number(len(every))}", "kind": "number", "values": rank})
    facts.append({"label": "", "kind": "text", "values": [ROLES.get(role, "") for role in frame["role"]]})
    return [*facts, *_predicted(c, frame)]


def _predicted(c: Context, frame: pd.DataFrame) -> list[dict]:
    """The rank that the best predictor gives a held-out cell."""
    if c.run.predictions is None:
        return []
    taus = (
        results.measured(c.run.predictions.frame, ()).groupby(["predictor", "n_train"])["kendall_tau"].mean()
    )
    largest = taus.reset_index().sort_values("n_train").groupby("predictor").tail(1)
    best = largest.loc[largest["kendall_tau"].idxmax(), "predictor"]
    ranks = results.average_ranks(c.run.predictions.frame[c.run.predictions.frame["predictor"] == best])
    n = words.number(len(ranks))
    values = frame["cell"].map(ranks.drop_duplicates("cell").set_index("cell")["predicted_rank"])
    label = f"rank of {n} held-out cells as {words.name(best)} predicts"
    return [{"label": label, "kind": "number", "values": values.round(1).to_numpy()}]


def _asked(c: Context, places: dict[str, int]) -> list[dict]:
    """Which strategies asked for which cell, and in how many runs."""
    found = []
    for name, frame in c.frames.items():
        runs = frame.groupby("cell")["run"].nunique()
        runs = {str(places[cell]): int(n) for cell, n in runs.items() if cell in places}
        found.append({"strategy": words.name(name), "of": int(frame["run"].nunique()), "runs": runs})
    return found
