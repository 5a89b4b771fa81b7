"""The report on autoencoders: runs with intervals, the reference, predicted maps, regressors, the thesis."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import StringIO

import h5py
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ArtifactError
from pipeline.report import thesis, words
from pipeline.report.autoencoder_results import bootstrap_mean, loss_bands, smaller, verdict
from pipeline.report.autoencoders import Maps, read_autoencoder, read_autoencoders
from pipeline.report.blocks import Section
from pipeline.report.command import _grouped
from pipeline.report.context import context_of
from pipeline.report.data import Sources, read
from pipeline.report.pack import figures
from pipeline.report.sections_autoencoders import autoencoders
from tests.unit.report_autoencoder_fixtures import (
    BASELINES,
    CONFIG,
    EPOCHS,
    FEATURES,
    RUNS,
    SETTINGS,
    AutoencoderFixtures,
)
from tests.unit.report_fixtures import Fixtures

POINT = words.POINT


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Sources:
    return AutoencoderFixtures(tmp_path_factory.mktemp("run")).sources()


@pytest.fixture(scope="module")
def run(sources):
    return read(sources, CONFIG)


@pytest.fixture(scope="module")
def blocks(run, tmp_path_factory):
    return blocks_of(run, tmp_path_factory.mktemp("page"))


def blocks_of(run, folder) -> dict:
    """The section's blocks by key."""
    section = autoencoders(context_of(run, folder / "index.html"))
    return {getattr(b, "key", b.title): b for b in section.blocks}


def texts(table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def by_name(table) -> dict[str, dict[str, str]]:
    """A table's texts by the first one of a row, then by heading."""
    heads = [head.text for head in table.head]
    return {row[0]: dict(zip(heads, row, strict=True)) for row in texts(table)}


def csv_of(block) -> pd.DataFrame:
    """A block's CSV as a reader gets it from the page."""
    return pd.read_csv(StringIO(block.data.csv()))


def test_all_runs_are_read_with_the_reference_beside(run, sources):
    assert list(run.autoencoders) == [
        "arch2vec",
        "infonas",
        "infonas@reference",
        "infonas_mse",
        "infonas_mse@reference",
    ]
    own, reference = run.autoencoders["infonas"], run.autoencoders["infonas@reference"]
    assert own.runs == reference.runs == RUNS and reference.partner == "infonas"
    with h5py.File(sources.autoencoders["infonas"][3]) as handle:
        there = handle["table/reference_vae_loss"][()]
        ends = handle.attrs["validity"], handle.attrs["reference_validity"]
    at = reference.losses[reference.losses["run"] == 4]
    np.testing.assert_allclose(at["vae_loss"], there)
    assert (own.measured("validity")[3], reference.measured("validity")[3]) == ends
    assert "io_loss_train" not in reference.losses and not [c for c in reference.losses if "reference" in c]
    assert words.name("infonas@reference") == "arch2vec beside info-NAS"


def test_losses_are_means_with_bootstrapped_intervals(run, blocks):
    frame = csv_of(blocks["output_losses"])
    part = frame[(frame["set"] == "unseen networks") & (frame["epoch"] == EPOCHS)].iloc[0]
    losses = run.autoencoders["infonas"].losses
    ends = losses.loc[losses["epoch"] == EPOCHS, "io_loss_unseen_networks"]
    assert part["mean"] == pytest.approx(ends.mean(), rel=1e-5) and part["n_runs"] == RUNS
    assert ends.min() < part["low"] < part["mean"] < part["high"] < ends.max()
    assert part["median"] == pytest.approx(0.8 * ends.mean(), rel=1e-5)
    assert part["mean_baseline"] == BASELINES["unseen_networks"]
    assert part["mean_high"] - part["mean_baseline"] == pytest.approx(0.02, rel=1e-4)
    mse = csv_of(blocks["output_losses_2"])  # the interval is of the loss that is trained on
    assert (mse["mean_high"] - mse["mean_baseline"]).round(5).eq(0.05).all()


def test_bootstrap_interval_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(3, 2, size=(40, 3))
    low, high = bootstrap_mean(values, 1, "x")
    half = 1.96 * values.std(axis=0, ddof=1) / 40**0.5
    np.testing.assert_allclose(values.mean(axis=0) - low, half, rtol=0.2)
    np.testing.assert_allclose(high - values.mean(axis=0), half, rtol=0.2)
    np.testing.assert_array_equal(bootstrap_mean(values, 1, "x"), (low, high))
    assert np.isnan(bootstrap_mean(values[:1], 1, "x")).all()


def test_a_panel_for_each_kind_of_batch_and_set(blocks):
    own = blocks["autoencoder_losses"]
    assert [p.label for p in own.panels] == [
        "loss, unlabelled batches",
        "loss, labelled batches",
        "operations right, held-out cells",
        "edges right, held-out cells",
    ]
    assert [line.text for line in own.legend][:3] == ["arch2vec", "info-NAS", "arch2vec beside info-NAS"]
    outputs = blocks["output_losses"]
    labels = ["training batches", "training set", "unseen networks", "unseen images", "both unseen"]
    assert [p.label for p in outputs.panels] == labels
    assert outputs.legend[-1].text == "predicting the mean" and "MSE" not in outputs.title
    assert "bootstrapped 95" in own.caption and "5 runs each" in own.caption
    assert "median" in outputs.caption and "Seed 0." in outputs.caption


def test_an_autoencoder_has_one_colour_in_all_its_figures(blocks):
    colours = {}
    for key in ("autoencoder_losses", "output_losses", "output_losses_2", "latent_distances"):
        for line in blocks[key].legend:
            colours.setdefault(line.text, set()).add(line.colour)
    for table in ("autoencoder_measures", "outputs", "thesis"):
        for row in (blocks[table] if table in blocks else next(iter(folded(blocks)))).rows:
            if row[0].colour:
                colours.setdefault(row[0].text, set()).add(row[0].colour)
    assert all(len(found) == 1 for found in colours.values()), colours
    assert len({next(iter(c)) for c in colours.values()}) == len(colours)


def folded(blocks):
    return [b.table for b in blocks.values() if b.kind == "fold"]


def test_reconstruction_over_runs_beside_what_was_published(run, blocks):
    table = blocks["autoencoder_measures"]
    rows = by_name(table)
    edges = run.autoencoders["arch2vec"].measured("adj_accuracy")
    assert rows["arch2vec"]["edges right, %"] == f"{100 * edges.mean():.1f} ± {100 * edges.std(ddof=1):.1f}"
    assert rows["arch2vec"]["operations right, labelled, %"] == "–"
    assert rows["info-NAS"]["operations right, labelled, %"] != "–"
    assert rows["published: info-NAS"]["edges right, %"] == "98.5"
    assert "97.8" in table.caption and "5 runs each" in table.caption


def test_latents_are_told_by_samples_and_neighbours(run, blocks):
    table = blocks["latent_measures"]
    rows = by_name(table)
    valid = run.autoencoders["arch2vec"].measured("validity")
    assert rows["arch2vec"]["valid, %"] == f"{100 * valid.mean():.1f} ± {100 * valid.std(ddof=1):.1f}"
    assert rows["published: info-NAS"]["valid, %"] == "47.4 ± 1.0"
    assert rows["arch2vec"]["difference to neighbours"] == "0.80 ± 0.00"
    assert rows["arch2vec"]["correlation with neighbours"] == "0.40 ± 0.00"
    assert rows["arch2vec beside info-NAS"]["difference to neighbours"] == "–"
    frame = csv_of(blocks["latent_neighbours"])
    assert frame["difference"].iloc[[0, 9]].tolist() == [0.006, 0.01] and (frame["any_two"] == 0.012).all()


def test_outputs_stand_beside_both_means_and_the_lead_says_where_they_win(run, blocks, tmp_path):
    lead = autoencoders(context_of(run, tmp_path / "index.html")).lead
    assert "better than their training mean does on the training set, unseen networks and unseen" in lead
    assert "not on unseen networks with unseen images" in lead
    rows = {tuple(row[:2]): row[2:] for row in texts(blocks["outputs"])}
    loss = run.autoencoders["infonas"].mean("io_loss_train")
    assert rows["info-NAS", "training set"][0] == "outputs, L1"
    assert rows["info-NAS", "training set"][2:4] == ["0.766", "0.756"]
    assert rows["info-NAS", "training set"][4] == f"{words.points(loss / 0.766 - 1, 0)}{POINT}%"
    assert rows["info-NAS", "both unseen"][4].startswith("+")


def test_maps_are_small_and_mean_what_they_say(run, blocks):
    rng = np.random.default_rng(0)
    true = rng.normal(size=(30, FEATURES))
    maps = Maps(true + 1, true, [f"net{i:03d}" for i in range(30)], [0] * 29 + [-1])
    small, predicted, rows, columns = smaller(maps)
    assert small.shape == predicted.shape == (12, 40) and len(set(rows)) == 12 and len(columns) == 40
    np.testing.assert_allclose(predicted, small + 1)
    first, last = re.match(r"(\d+)(?:–(\d+))?", columns[5]).groups()
    part = true[0, int(first) - 1 : int(last or first)]
    np.testing.assert_allclose(small[0, 5], part.mean())
    assert rows[0] == "1: network net000, image 0" and rows[-1] == "12: network net029"
    figure, csv = blocks["feature_maps_infonas"], csv_of(blocks["feature_maps_infonas"])
    assert len(csv) == 2 * 12 * 4 and set(csv["which"]) == {"true", "predicted"}
    assert len(figures([Section("", "", "", [figure])])) < 36_000
    assert len(figure.data.csv()) < 36_000
    assert "Run 1 of each" in figure.caption and f"{FEATURES} features" in figure.caption
    cell = run.autoencoders["infonas"].maps["train"].network[0]
    assert cell[:8] in csv["row"][0] and len(cell) == 32


def test_distances_count_pairs(run, blocks):
    frame = csv_of(blocks["latent_distances"])
    sums = frame.groupby(["cells", "autoencoder", "pairs"])["n"].sum()
    assert len(sums) == 2 * 4 * 2 and (sums == 400).all()
    assert not frame["autoencoder"].eq("arch2vec").any()  # it keeps none


def test_regressors_are_measured_above_the_bar(run, blocks):
    rows = {row[0]: row for row in texts(blocks["latent_regressors"])}
    assert set(rows) == {"random forest on arch2vec", "random forest on info-NAS"}
    assert rows["random forest on info-NAS"][1] == "info-NAS, run 2"
    assert rows["random forest on arch2vec"][-1] == "0.58 ± 0.05"
    frame = run.predictions.frame
    chosen = frame[(frame["predictor"] == "random_forest_arch2vec") & (frame["n_train"] == 120)]
    chosen = chosen[chosen["truth"] > 0.94]
    assert len(chosen) < 9 * 30  # a cell or more lies below
    r = [np.corrcoef(p["truth"], p["score"])[0, 1] for _, p in chosen.groupby("run")]
    assert rows["random forest on arch2vec"][4] == f"{np.mean(r):.2f} ± {np.std(r, ddof=1):.2f}"
    curve = csv_of(blocks["latent_regressors_by_labels"])
    assert sorted(curve["n_train"].unique()) == [30, 60, 120] and len(curve) == 6


def test_regressors_on_other_labels_stand_alone(sources, tmp_path):
    digits = Fixtures(tmp_path)
    table = digits.table([])
    found = blocks_of(read(replace(sources, table=table), CONFIG), tmp_path)
    assert "Pearson’s r, thesis" not in [head.text for head in found["latent_regressors"].head]


def test_a_regressor_on_the_reference_stands_beside_that_of_arch2vec(sources, tmp_path):
    forest = {"method": "random_forest", "latents": "infonas/2@reference"}
    config = CONFIG | {"predictors": {"random_forest_infonas": forest}}
    (row,) = texts(blocks_of(read(sources, config), tmp_path)["latent_regressors"])
    assert row[1] == "arch2vec beside info-NAS, run 2" and row[-1] == "0.58 ± 0.05"


def test_the_thesis_stands_beside(blocks):
    (table,) = folded(blocks)[:1] or [blocks["thesis"]]
    frame = csv_of(table)
    row = frame[(frame["autoencoder"] == "infonas") & (frame["measure"] == "io_loss_unseen_networks")].iloc[0]
    assert (row["thesis_low"], row["thesis_high"]) == (0.3598, 0.4080) and row["tables"] == "4.3, 4.7, 4.11"
    assert row["epoch"] == 8 and row["n_runs"] == RUNS
    assert row["thesis_share"] == pytest.approx(np.mean([0.3824, 0.4080, 0.3598]) / 0.7106, rel=1e-4)
    assert set(frame["autoencoder"]) == {"infonas", "infonas_mse"}
    assert {"within", "worse"} <= set(frame["verdict"])
    assert "schedule cosine (thesis: constant)" in table.caption and "608 networks" in table.caption


@pytest.mark.parametrize(
    ("changed", "tables"),
    [
        ({}, {"4.2", "4.6", "4.10"}),
        ({"lr": 1e-2}, {"4.6"}),
        ({"vae_weight": 1e-4, "io_weight": 50}, {"4.10"}),
        ({"preprocessing": {"scale": "feature", "weighted": True, "multiply": True}}, {"4.2"}),
        ({"preprocessing": {"top_k": 10}}, None),
        ({"regressor": "accuracy"}, None),
        ({"lr": 1e-2, "io_weight": 3.0}, None),
        ({"io_lr": 1e-4}, None),
    ],
)
def test_only_settings_of_the_thesis_are_compared(changed, tables):
    found = thesis.published(SETTINGS["infonas"] | changed)
    assert (set(found.tables["vae_loss"]) if found else None) == tables


def test_verdict_is_two_deviations_wide():
    assert verdict(0.2, 0.3, 0.33, 0.02, False) == "within"
    assert verdict(0.2, 0.3, 0.35, 0.02, False) == "worse" and verdict(0.2, 0.3, 0.1, 0.02, False) == "better"
    assert verdict(0.9, 0.9, 0.95, 0.01, True) == "better" and verdict(0.9, 0.9, 0.8, 0.01, True) == "worse"
    assert (
        verdict(0.2, 0.3, 0.25, np.nan, False) == "within"
        and verdict(0.2, 0.3, 0.5, np.nan, False) == "one run"
    )


def test_digits_are_not_compared_with_the_thesis(sources, tmp_path):
    config = CONFIG | {"images": {"cifar10": {"source": "digits"}}}
    found = blocks_of(read(sources, config), tmp_path)
    assert "thesis" not in found and not folded(found)


def test_an_old_artifact_of_one_run_is_enough(sources, tmp_path):
    path = tmp_path / "old.h5"
    path.write_bytes(sources.autoencoders["arch2vec"][0].read_bytes())
    with h5py.File(path, "r+") as handle:
        for name in ("run", "model", "settings", "validity"):
            handle.attrs.pop(name, None)
        del handle["smoothness"]
    found = blocks_of(read(replace(sources, autoencoders={"arch2vec": [path]}), {}), tmp_path)
    assert set(found) == {"autoencoder_losses", "autoencoder_measures", "latent_measures", "latents"}
    assert "shaded" not in found["autoencoder_losses"].caption and "1 run each" in str(found)
    assert "Run 1" not in found["latents"].caption
    assert len(json.loads(figures([Section("", "", "", list(found.values()))]))) == 4


def test_many_autoencoders_stay_small(sources, run, tmp_path):
    files = {f"infonas_{k}": sources.autoencoders["infonas"][:1] for k in range(8)}
    found = blocks_of(read(replace(sources, autoencoders=files), CONFIG), tmp_path)
    assert len(found["autoencoder_losses"].legend) == 14
    assert "2 more autoencoders in the CSV alone" in found["autoencoder_losses"].caption
    assert len([k for k in found if k.startswith("feature_maps")]) == 2
    assert sum(len(b.data.csv()) for b in found.values() if b.kind != "fold") < 1_000_000


def test_runs_are_given_by_one_name():
    found = _grouped("--autoencoders", ["a=1.h5", "b=2.h5", "a=3.h5"])
    assert {key: [path.name for path in paths] for key, paths in found.items()} == {
        "a": ["1.h5", "3.h5"],
        "b": ["2.h5"],
    }


def test_a_damaged_file_is_named(sources, tmp_path):
    path = tmp_path / "broken.h5"
    path.write_bytes(sources.autoencoders["infonas"][0].read_bytes())
    with h5py.File(path, "r+") as handle:
        handle.attrs["settings"] = "{"
    with pytest.raises(ArtifactError, match=r"broken\.h5: attribute settings is no JSON"):
        read_autoencoder([path])
    with pytest.raises(ArtifactError, match="missing.h5"):
        read_autoencoders({"arch2vec": [tmp_path / "missing.h5"]})


def test_bands_of_runs_that_differ_in_length(run):
    whole = run.autoencoders["arch2vec"]
    losses = whole.losses[(whole.losses["run"] > 1) | (whole.losses["epoch"] <= 3)]
    bands = loss_bands({"a": replace(whole, losses=losses)}, "vae_loss", 0)
    assert len(bands) == EPOCHS and bands["mean"].notna().all()
