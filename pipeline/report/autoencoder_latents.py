"""Blocks on what autoencoders know: predicted feature maps, latent spaces, regressors on latents."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.autoencoders.names import latents_in, parse_latents
from pipeline.evaluation.measures import pearson, rmse
from pipeline.report import figures_autoencoders as figures
from pipeline.report import results, thesis, words
from pipeline.report.autoencoder_losses import SUBSETS, legend
from pipeline.report.autoencoder_results import distance_shares, smaller
from pipeline.report.blocks import Cell, Figure, Head, Panel, Table
from pipeline.report.context import Context
from pipeline.report.figures import accuracy_floor

MAX_MAPS = 2  # autoencoders whose feature maps are drawn
MAX_SPACES = 6  # latent spaces drawn
MAX_POINTS = 3000  # of all latent spaces together
PAIRS = ("any", "one edit apart")


def _first_run(c: Context) -> str:
    """Which run a figure of one run shows, where there are several."""
    return "Run 1 of each." if any(e.runs > 1 for e in c.run.autoencoders.values()) else ""


def maps(c: Context) -> list[Figure]:
    """Predicted against true outputs of a few networks and images, a figure an autoencoder that predicts."""
    predicting = {
        n: e for n, e in c.run.autoencoders.items() if e.maps and e.settings.get("regressor") != "accuracy"
    }
    found = []
    for key, encoder in list(predicting.items())[:MAX_MAPS]:
        drawn, parts = {}, []
        for subset in (s for s in SUBSETS if s in encoder.maps):
            true, predicted, rows, features = smaller(encoder.maps[subset])
            drawn[SUBSETS[subset]] = (true, predicted, rows)
            parts.append(_map_frame(subset, "true", true, rows))
            parts.append(_map_frame(subset, "predicted", predicted, rows))
        n_features = next(iter(encoder.maps.values())).true.shape[1]
        left = [words.name(n) for n in list(predicting)[MAX_MAPS:]] if len(found) == MAX_MAPS - 1 else []
        text = (
            f"A row is a network and an image. From left to right {words.number(n_features)} features, those "
            "of largest weight for the image’s class first, as means of neighbours; in the targets’ units "
            f"before they were standardised over the training set. {_first_run(c)} {c.seed_text()}"
        )
        text += f" Not drawn: {words.listed(left)}." if left else ""
        fig = figures.feature_maps(drawn, features)
        data = c.data(f"feature_maps_{key}", pd.concat(parts, ignore_index=True))
        title = f"Outputs of trained networks, and what {words.name(key)} predicts"
        found.append(Figure(f"feature_maps_{key}", title, [Panel(fig)], text, data))
    return found


def _map_frame(subset: str, what: str, values: np.ndarray, rows: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(np.round(values, 2), columns=[f"f{i + 1}" for i in range(values.shape[1])])
    frame.insert(0, "row", rows)
    frame.insert(0, "which", what)
    frame.insert(0, "set", subset)
    return frame


def distances(c: Context) -> Figure | None:
    """How far latents lie apart, for any two cells and for neighbours; a panel a kind of cells."""
    panels, parts = [], []
    for kind in ("labelled", "unlabelled"):
        wanted = {(kind, name): label for name, label in zip(("random", "edit_1"), PAIRS, strict=True)}
        shares = distance_shares(c.run.autoencoders, wanted)
        if len(shares):
            panels.append(Panel(figures.distances(shares, c.styles), f"{kind} cells"))
            parts.append(shares.assign(cells=kind))
    if not panels:
        return None
    text = (
        f"L2 distance of the latents of two cells: of any two (dotted), and of two that are one edit apart "
        f"(solid). {_first_run(c)} {c.seed_text()}"
    )
    shares = pd.concat(parts, ignore_index=True)
    data, title = c.data("latent_distances", shares), "Distances in latent space"
    return Figure("latent_distances", title, panels, text, data, legend=legend(c, shares))


def spaces(c: Context) -> Figure | None:
    """Latent spaces in two dimensions, coloured by the label; None with fewer than three labels."""
    encoders = {n: e for n, e in c.run.autoencoders.items() if e.embeddings is not None}
    if c.run.labels is None or not encoders:
        return None
    cells = zip(c.run.labels.frame["cell"], c.run.labels.frame["val_acc"], strict=True)
    label = dict(zip(_keys(c.run.labels.archs), cells, strict=True))
    known = c.run.labels.frame["val_acc"].dropna()
    if len(known) < 3:
        return None
    floor, top = accuracy_floor(known), float(known.max())
    panels, parts = [], []
    most = MAX_POINTS // min(len(encoders), MAX_SPACES)
    for key, encoder in list(encoders.items())[:MAX_SPACES]:
        points, shares = results.principal_components(encoder.embeddings)
        frame = pd.DataFrame({"component_1": points[:, 0], "component_2": points[:, 1]})
        frame[["cell", "val_acc"]] = [label.get(k, ("", np.nan)) for k in _keys(encoder.archs)]
        frame = frame.dropna(subset="val_acc")
        frame = frame.iloc[:: max(-(-len(frame) // most), 1)].sort_values("val_acc", kind="stable")
        panels.append(Panel(figures.latents(frame, shares, floor, top, c.short), words.name(key)))
        parts.append(frame.assign(autoencoder=key))
    left = [words.name(n) for n in list(encoders)[MAX_SPACES:]]
    caption = (
        "Labelled and held-out cells in the first two principal components of their latents; colour: "
        f"validation accuracy. {_first_run(c)} {c.labels_text()} {c.seed_text()}"
    )
    caption += f" Not drawn: {words.listed(left)}." if left else ""
    return Figure("latents", "Latent spaces", panels, caption, c.data("latents", pd.concat(parts)))


def _keys(archs) -> list[bytes]:
    """One hashable key an architecture, equal for equal arrays."""
    flat = [archs.ops.reshape(len(archs), -1)]
    flat += [] if archs.adj is None else [archs.adj.reshape(len(archs), -1)]
    return [row.tobytes() for row in np.concatenate(flat, axis=1)]


def _on_latents(c: Context) -> pd.DataFrame:
    """RMSE and Pearson's r over runs of predictors that read latents: one row a predictor and training size.

    Columns: predictor, method, latents, n_train, n_runs, n_cells, rmse_mean, rmse_std, pearson_mean,
    pearson_std; over held-out cells above `_above(c)`.
    """
    configured = {n: p for n, p in c.run.settings.get("predictors", {}).items() if latents_in(p)}
    if c.run.predictions is None or not configured:
        return pd.DataFrame()
    frame, above = c.run.predictions.frame, _above(c)
    frame = frame[frame["predictor"].isin(list(configured)) & (frame["truth"] > above)]
    rows, regresses = [], c.run.predictions.fits.groupby("predictor")["regresses"].all()
    for (predictor, n_train, run), p in frame.groupby(["predictor", "n_train", "run"], sort=True):
        error = rmse(p["truth"], p["score"]) if regresses[predictor] else np.nan
        rows.append((predictor, n_train, run, len(p), error, pearson(p["truth"], p["score"])))
    measured = pd.DataFrame(rows, columns=["predictor", "n_train", "run", "n_cells", "rmse", "pearson"])
    if measured.empty:
        return measured
    summary = results.over_runs(measured, ["predictor", "n_train"], ["rmse", "pearson"])
    summary["n_cells"] = measured.groupby(["predictor", "n_train"])["n_cells"].max().to_numpy()
    summary.insert(1, "method", [configured[p].get("method", "") for p in summary["predictor"]])
    summary.insert(2, "latents", [" + ".join(latents_in(configured[p])) for p in summary["predictor"]])
    return summary


def _above(c: Context) -> float:
    """Accuracy above which held-out cells count, as configured; else all."""
    above = c.run.settings.get("evaluation", {}).get("above")
    return -np.inf if above is None else float(above)


def _cells_text(c: Context, summary: pd.DataFrame) -> str:
    n, above = words.number(summary["n_cells"].max()), _above(c)
    which = "" if np.isinf(above) else f" with an accuracy above {words.percent(above, 0)}"
    return f"Over {n} held-out cells{which}; {_spread_text(summary)}."


def _spread_text(summary: pd.DataFrame) -> str:
    n = int(summary["n_runs"].max())
    return f"mean ± standard deviation over {words.count(n, 'run')}" if n > 1 else "one run"


def by_labels(c: Context) -> Figure | None:
    """Pearson's r of regressors on latents by number of training cells; None for a single number."""
    summary = _on_latents(c)
    if summary.empty or summary["n_train"].nunique() < 2:
        return None
    fig = figures.pearson_by_labels(summary, c.styles)
    text = f"{_cells_text(c, summary)} {c.learned_text()}"
    if _on_nasbench101(c) and thesis.FOREST_CELLS in set(summary["n_train"]):
        text += (
            f" Published for a random forest and {words.number(thesis.FOREST_CELLS)} cells: "
            + words.listed(f"{words.name(model)} {r:.2f}" for model, r in thesis.FOREST.items())
            + "."
        )
    data = c.data("latent_regressors_by_labels", summary, "predictors")
    title = "Accuracy predicted from latents"
    return Figure(
        "latent_regressors_by_labels", title, [Panel(fig)], f"{text} {c.seed_text()}", data, half=True
    )


def regressors(c: Context) -> Table | None:
    """RMSE and Pearson's r of regressors on latents, as table 4.14 of the thesis; None without any."""
    summary = _on_latents(c)
    if summary.empty:
        return None
    chosen = thesis.REGRESSOR_CELLS
    if chosen not in set(summary["n_train"]):
        chosen = summary["n_train"].max()
    summary = summary[summary["n_train"] == chosen].sort_values(["method", "latents"], kind="stable")
    published = _published(c, summary)
    head = [Head("predictor", False), Head("latents", False), Head("training cells"), Head("RMSE")]
    head += [Head("Pearson’s r")] + ([Head("RMSE, thesis"), Head("Pearson’s r, thesis")] if published else [])
    rows, best = [], summary["pearson_mean"].max()
    for r in summary.to_dict("records"):
        cells = [Cell(words.name(r["predictor"]), r["predictor"], c.styles[r["predictor"]].colour)]
        cells += [Cell(_latents_text(r["latents"])), Cell(words.number(r["n_train"]), r["n_train"])]
        cells.append(Cell(words.spread(r["rmse_mean"], r["rmse_std"], 4), r["rmse_mean"]))
        strong = r["pearson_mean"] == best
        text = words.spread(r["pearson_mean"], r["pearson_std"], 2)
        cells.append(Cell(text, None if np.isnan(r["pearson_mean"]) else r["pearson_mean"], strong=strong))
        if published:
            error, error_std, pearsons, pearson_std = published.get(r["predictor"], (None,) * 4)
            cells += [Cell(words.spread(error, error_std, 2), error)]
            cells += [Cell(words.spread(pearsons, pearson_std, 2), pearsons)]
        rows.append(cells)
    text = f"Accuracy predicted from the latents of a cell. {_cells_text(c, summary)} {c.learned_text()}"
    if published:
        text += (
            f" Thesis (table 4.14): {thesis.REGRESSOR_CELLS} training cells, ten seeds, test accuracy of "
            f"cells above 80{words.POINT}%."
        )
    data = c.data("latent_regressors", summary, "predictors")
    return Table("latent_regressors", "Regressors on latents", head, rows, f"{text} {c.seed_text()}", data)


def _latents_text(key: str) -> str:
    """`infonas/3` as `info-NAS, run 3`; several names joined by +."""
    parts = []
    for part in key.split(" + "):
        run = f", run {parse_latents(part).run}" if "/" in part else ""
        parts.append(words.name(_encoder_key(part)) + run)
    return " + ".join(parts)


def _encoder_key(latents: str) -> str:
    """Which of a run's autoencoders makes the latents that a predictor names."""
    named = parse_latents(latents)
    return named.autoencoder if named.part == "vae" else f"{named.autoencoder}@{named.part}"


def _on_nasbench101(c: Context) -> bool:
    """Whether labels are of NAS-Bench-101 cells on CIFAR-10, as the published ones."""
    labels = c.run.labels
    return labels is not None and labels.space == "nasbench101" and labels.val_metric.startswith("cifar10/")


def _published(c: Context, summary: pd.DataFrame) -> Mapping[str, tuple]:
    """Numbers of table 4.14 by predictor; empty where labels are of another kind."""
    if not _on_nasbench101(c):
        return {}
    found = {}
    for r in summary.itertuples():
        encoder = None if " + " in r.latents else c.run.autoencoders.get(_encoder_key(r.latents))
        known = thesis.REGRESSORS.get((r.method, encoder.model if encoder else ""))
        if known:
            found[r.predictor] = known
    return found
