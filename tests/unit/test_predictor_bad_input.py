"""Bad input on the command line: each is refused in one line that says what is wrong and what to do."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from pipeline.__main__ import main
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.job import Job
from pipeline.spaces import nasbench201
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import put, put_archs, write_h5
from tests.unit.predictor_cells import made_up_accuracies, some_cells

METRIC = "cifar10/val_acc@108"
RAW = {
    "device": "cpu",
    "images": {"digits": {"source": "digits"}},
    "benchmarks": {
        "tiny": {
            "space": "nasbench101",
            "source": "files",
            "files": [{"reader": "csv", "file": "x.csv", "columns": {"cell": "c"}, "metrics": {METRIC: "v"}}],
            "val_metric": METRIC,
            "split": {"labelled": 0.75, "held_out": 0.25},
            "images": "digits",
            "n_scored": 80,
        }
    },
    "zeroshot": {"metrics": ["snip", "synflow"]},
    "predictors": {
        "gates": {"method": "gates", "layers": 2, "hidden": 8, "epochs": 1, "mlp": [8]},
        "scored": {"method": "xgboost", "zeroshot": ["snip"], "n_estimators": 2},
        "plus": {"method": "gates_plus", "ees": ["snip"], "ets": [], "layers": 2, "hidden": 8, "epochs": 1},
        "by_snip": {"method": "zeroshot_rank", "zeroshot": "snip"},
    },
    "evaluation": {"n_train": [10], "n_subsets": 2, "n_seeds": 1},
}
CELLS = some_cells(80)


@pytest.fixture
def ask(tmp_path, capsys):
    """Call the command on a table with these labels and scores; return its status and what it says."""

    def call(predictor="gates", n_train=10, labels=None, scores=None, **evaluation):
        raw = {**RAW, "evaluation": {**RAW["evaluation"], **evaluation}}
        (tmp_path / "c.yaml").write_text(yaml.safe_dump(raw))
        labels = made_up_accuracies(CELLS) if labels is None else labels
        role = np.array(["held_out"] * 20 + ["labelled"] * 60)
        metrics = {METRIC: np.asarray(labels, np.float32)[:, None]}
        table = BenchmarkTable("tiny", CELLS, [f"c{i}" for i in range(80)], role, metrics, METRIC, None)
        write_table(tmp_path / "table.h5", table, Job("ingest", {}))
        options = [] if scores is None else ["--zeroshot", tmp_path / "scores.h5"]
        if isinstance(scores, Archs):
            write_scores(tmp_path / "scores.h5", scores)
        out = tmp_path / "out.h5"
        out.unlink(missing_ok=True)
        argv = ["--configfile", tmp_path / "c.yaml", "--benchmark-table", tmp_path / "table.h5", *options]
        argv += ["--predictor", predictor, "--n-train", n_train, "--out", out]
        status = main(["predictors", *map(str, argv)])
        said = capsys.readouterr().err.splitlines()
        assert out.exists() == (status == 0) and not list(tmp_path.glob("*.part"))
        return status, said

    return call


def write_scores(path, archs: Archs, metric="snip", values=None) -> None:
    values = np.linspace(1, 2, len(archs)) if values is None else values
    with write_h5(path, "zeroshot", Job("zeroshot_collect", {})) as handle:
        put_archs(handle, archs)
        put(handle, f"arch/{metric}", values)
        put(handle, f"op/{metric}", np.ones(archs.ops.shape))


def refused(answer, *words: str) -> None:
    status, lines = answer
    assert status == 1 and len(lines) == 1, lines
    assert all(word in lines[0] for word in words), lines[0]


def test_a_training_set_larger_than_the_pool(ask):
    refused(ask(n_train=61), "n_train: 61 training cells", "tiny has labels of 60", "lower n_train")
    pool = {"protocol": {"pool": 30, "test": "rest"}}
    refused(ask(n_train=31, **pool), "n_train: 31 training cells", "tiny has labels of 30")
    pool["protocol"]["pool"] = 80
    refused(ask(**pool), "evaluation.protocol.pool: 80 cells", "the table of tiny has 80", "take fewer")


def test_nan_labels(ask):
    labels = made_up_accuracies(CELLS)
    labels[20:40] = np.nan  # twenty labelled cells: the others suffice for 40
    assert ask(n_train=40, labels=labels)[0] == 0
    refused(ask(n_train=41, labels=labels), "41 training cells", "tiny has labels of 40")
    labels[20:79] = np.nan
    refused(ask(labels=labels), f"tiny: 1 training cells have {METRIC}", "at least two are needed")
    labels[:] = np.nan
    labels[20:] = 0.5
    refused(ask(labels=labels), f"tiny: 0 test cells have {METRIC}")


def test_fewer_than_two_distinct_labels(ask):
    labels = np.where(np.arange(80) < 20, made_up_accuracies(CELLS), 0.9)
    refused(ask(labels=labels), "the 10 training labels of replicate 0 are all equal", "two distinct ones")
    refused(ask("scored", labels=labels, scores=CELLS), "training labels of replicate 0 are all equal")


@pytest.mark.parametrize("predictor", ["scored", "plus", "by_snip"])
def test_scores_of_another_space_or_of_too_few_cells(ask, tmp_path, predictor):
    other = nasbench201.enumerate_cells()[:100]
    refused(
        ask(predictor, scores=other), "scores.h5: holds scores of nasbench201 cells, expected nasbench101"
    )
    few = CELLS[10:]
    refused(ask(predictor, scores=few), "scores.h5: 10 of 20 cells", "were not scored", "score more cells")
    refused(ask(predictor, scores=CELLS[:0]), "scores.h5", "were not scored")
    refused(ask(predictor), "it takes zero-shot scores; give their file (--zeroshot FILE)")
    (tmp_path / "scores.h5").unlink()
    refused(ask(predictor, scores=True), "scores.h5: no such file")


@pytest.mark.parametrize("predictor", ["scored", "plus", "by_snip"])
def test_scores_of_other_metrics(ask, tmp_path, predictor):
    write_scores(tmp_path / "scores.h5", CELLS, "synflow")
    refused(ask(predictor, scores=True), "scores.h5", "'snip'", "synflow")


def test_a_score_that_is_missing(ask, tmp_path):
    values = np.where(np.arange(80) == 30, np.nan, 1.0 + np.arange(80))
    write_scores(tmp_path / "scores.h5", CELLS, values=values)
    refused(ask("scored", n_train=60, scores=True), "1 of 60 cells lack a score (first: snip of", "impute")


def test_files_of_another_kind(ask, tmp_path):
    with write_h5(tmp_path / "scores.h5", "images", Job("images", {})) as handle:
        put_archs(handle, CELLS)
    refused(ask("scored", scores=True), "scores.h5: holds 'images', expected 'zeroshot'")
    (tmp_path / "scores.h5").write_bytes(b"\x89HDF")
    refused(ask("scored", scores=True), "scores.h5: its content is not what was written")
    (tmp_path / "scores.h5.run.json").unlink()  # an artifact that came without its checksum
    refused(ask("scored", scores=True), "scores.h5: not a whole HDF5 file")


def test_isomorphic_spellings_have_the_scores_of_their_cells(ask):
    status, lines = ask("by_snip", scores=CELLS, isomorphic=4)
    assert status == 0 and "28 isomorphic spellings of 20 cells" in lines
