"""What predictors cost in time, from the sidecars of their artifacts: they hold no clock times themselves."""

from __future__ import annotations

from pathlib import Path

from pipeline import spaces
from pipeline.storage.artifacts import get_provenance, open_h5
from pipeline.storage.sidecars import read_run_record

NOT_KNOWN = float("nan")  # the sidecar was deleted


def cost_of(path: Path, tau: float) -> dict:
    """Return a row of the table of costs for one file of predictions whose Kendall's tau is `tau`.

    fit_seconds, score_seconds: of one run on the test cells (`n_scored`); a mean over runs, which may have
    been trained together. space_seconds: of scoring every cell of the space at that rate; NaN where it
    cannot be listed. Wall time, on `device` with `threads`.
    """
    with open_h5(path, "predictions") as handle:
        attrs, n_rows = dict(handle.attrs), len(handle["table/score"])
        space = get_provenance(handle)["settings"]["space"]
        n_runs = len(handle["subsets"])
    made = read_run_record(path)
    fit, score = (made.get(key, NOT_KNOWN) / n_runs for key in ("fit_seconds", "score_seconds"))
    n_scored = n_rows // n_runs
    whole = NOT_KNOWN if space in spaces.UNLISTED else score / n_scored * spaces.load(space).SIZE
    return {
        "benchmark": attrs["benchmark"],
        "predictor": attrs["predictor"],
        "n_train": int(attrs["n_train"]),
        "n_runs": n_runs,
        "kendall_tau_mean": tau,
        "fit_seconds": fit,
        "score_seconds": score,
        "n_scored": n_scored,
        "space_seconds": whole,
        "device": made.get("device", ""),
        "threads": made.get("threads", ""),
    }
