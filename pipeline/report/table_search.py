"""The table that compares strategies at the same cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.report import results, words
from pipeline.report.answer import end, seconds_of, standing
from pipeline.report.blocks import Cell, Head, Table
from pipeline.report.context import Context


def at_equal_cost(c: Context, summary: pd.DataFrame, cost: int) -> Table:
    """Return one row a strategy after `cost` cells of each run. summary: over runs, by strategy and cost."""
    measures = ["val_acc", "test_acc"] if c.judged_by_test else ["val_acc"]
    baseline = c.answer.baseline if c.answer else None
    ends = summary[summary["trained"] == cost].set_index("strategy")
    ends = ends.sort_values("best_val_acc_mean", ascending=False, kind="stable")
    bar = ends.at[baseline, "best_val_acc_mean"] if baseline else np.nan
    seconds = {key: seconds_of(end(c.frames[key], cost)) for key in ends.index}
    extra = _Extra(
        regret=c.origin == "table",
        seconds=not np.isnan(list(seconds.values())).all(),
        baseline=bool(baseline),
    )
    tops = {m: ends[f"best_{m}_mean"].max() for m in measures}
    rows, records = [], []
    for key, row in ends.iterrows():
        frame = c.frames[key]
        best = next(iter(results.top_cells(frame[frame["trained"] <= cost], 1).to_dict("records")), {})
        cells = [Cell(words.name(key), key, c.styles[key].colour)]
        cells += [Cell(words.number(n), n) for n in (int(row["n_runs"]), cost)]
        for m, top in tops.items():
            mean = row[f"best_{m}_mean"]
            cells.append(Cell(c.mean_percent(mean, row[f"best_{m}_std"]), mean, strong=mean == top))
        found = {name: best.get(name, np.nan) for name in ("cell", "val_acc", "test_acc")}
        cells += [Cell(c.percent(found[name]), found[name]) for name in measures]
        record = {
            "strategy": key,
            **row.to_dict(),
            **{f"best_{name}": value for name, value in found.items()},
        }
        if extra.regret:
            place = standing(c.run.labels.frame[c.queried], found["val_acc"])
            regret = place.best - row["best_val_acc_mean"]
            cells += [Cell(words.number(place.rank), place.rank), Cell(c.points(regret, sign=False), regret)]
            reached, median = to_optimum(frame[frame["trained"] <= cost], place.best)
            within = np.isfinite(median)
            cells.append(Cell(words.percent(reached, 0), reached))
            cells.append(
                Cell(words.number(median) if within else "not reached", median if within else np.nan)
            )
            record |= {"best_rank": place.rank, "regret": regret, "optimum_reached": reached}
            record["queries_to_optimum_median"] = median if within else np.nan
        if extra.seconds:
            cells.append(Cell(words.hours(seconds[key]), seconds[key]))
            record["train_seconds"] = seconds[key]
        mine = summary[(summary["strategy"] == key) & (summary["best_val_acc_mean"] >= bar)]
        reached = int(mine["trained"].min()) if len(mine) else np.nan
        if baseline:
            cells.append(Cell("not reached" if np.isnan(reached) else words.number(reached), reached))
        rows.append(cells)
        records.append(record | {f"{c.terms.counted}_to_match_random": reached})
    bold = "Mean ± standard deviation over runs; the best of each accuracy is bold."
    caption = f"{bold}{extra.text()} {c.answers_text()} {c.seed_text()}"
    data = c.data("search_end", pd.DataFrame(records), "search")
    return Table("search_end", "At equal cost", _heads(c, measures, extra), rows, caption, data)


def to_optimum(frame: pd.DataFrame, best: float) -> tuple[float, float]:
    """Return (share of runs that found a cell as good as `best`, median over all runs of the queries to it).

    frame: `along`'s. The median is infinite where no more than half of the runs found one.
    """
    first = frame[frame["best_val_acc"] >= best].groupby("run")["trained"].min()
    first = first.astype(float).reindex(frame["run"].unique(), fill_value=np.inf)
    return float(np.isfinite(first).mean()), float(first.median())


@dataclass(frozen=True)
class _Extra:
    """Which further columns there are."""

    regret: bool
    seconds: bool
    baseline: bool

    def text(self) -> str:
        """What these columns say, for the caption."""
        said = ""
        if self.regret:
            said += " Rank: of the best run’s cell by validation accuracy, in the whole table. Regret: "
            said += "the table’s best validation accuracy less the mean, in percentage points. "
            said += "Queries to the best cell of the table: the median over all runs."
        if self.seconds:
            said += " Training time: as the benchmark recorded it, of the cells of one run."
        return said


def _heads(c: Context, measures: list[str], extra: _Extra) -> list[Head]:
    spent = c.terms.spent
    head = [Head("strategy", False), Head("runs"), Head(c.terms.counted, hint=f"{spent} of one run")]
    head += [Head(words.ACCURACIES[m]) for m in measures]
    head.append(Head("best run: validation", hint="highest validation accuracy of all runs"))
    head += [Head("its test")] if c.judged_by_test else []
    if extra.regret:
        head += [Head("its rank", hint="in the whole table, by validation accuracy"), Head("regret")]
        head.append(Head("runs at the optimum", hint="that found the table’s best validation accuracy"))
        head.append(Head("queries to it", hint="median over all runs"))
    if extra.seconds:
        head.append(Head("training time", hint="as the benchmark recorded it, of the cells of one run"))
    if extra.baseline:
        hint = f"{spent} until the mean reaches random search’s final one"
        head.append(Head(f"{c.terms.counted} to match random", hint=hint))
    return head
