"""Look-ups in a benchmark table, and the ledger of what they would have cost."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.benchmarks.queries import Benchmark
from pipeline.benchmarks.tables import BenchmarkTable, load_table, write_table
from pipeline.errors import ArtifactError, DataError
from pipeline.job import Job
from pipeline.spaces import darts, nasbench101, nasbench201

N = 12
CELLS = nasbench201.enumerate_cells()[np.arange(N) * 1000 + 3]
VAL, TEST, EARLY = "cifar10-valid/val_acc@200", "cifar10-valid/test_acc@200", "cifar10-valid/val_acc@12"


@pytest.fixture
def benchmark(tmp_path) -> Benchmark:
    """Three trials of twelve cells, the last trial of the first six missing; times for 200 epochs alone."""
    trials = np.arange(3 * N, dtype=np.float32).reshape(N, 3) / 100
    trials[:6, 2] = np.nan
    table = BenchmarkTable(
        name="bench",
        archs=CELLS,
        cells=nasbench201.cell_ids(CELLS),
        role=np.array(["labelled"] * 6 + ["held_out"] * 5 + ["unused"]),
        metrics={VAL: trials, TEST: trials / 2, EARLY: trials[:, :1] / 4},
        val_metric=VAL,
        test_metric=TEST,
        costs={"cifar10-valid/train_seconds@200": np.full((N, 3), [10.0, 20.0, 30.0])},
    )
    write_table(tmp_path / "bench.h5", table, Job("ingest", {}))
    return Benchmark(tmp_path / "bench.h5")


def test_a_look_up_is_the_mean_over_the_trials_that_there_are(benchmark):
    rows = [7, 2, 7]
    answer = benchmark.query(CELLS[rows])
    assert answer.rows.tolist() == rows
    np.testing.assert_allclose(answer.values, [0.22, 0.065, 0.22], rtol=1e-6)
    np.testing.assert_allclose(benchmark.query(CELLS[rows], trial=1).values, [0.22, 0.07, 0.22], rtol=1e-6)


def test_every_training_is_paid_for_once(benchmark):
    first = benchmark.query(CELLS[[7, 2, 7]])  # three trials, two trials, and the first again
    assert first.trials.tolist() == [3, 2, 0] and first.train_seconds.tolist() == [60.0, 30.0, 0.0]
    again = benchmark.query(CELLS[[2, 7]], TEST)  # the same trainings
    assert again.trials.tolist() == [0, 0] and again.train_seconds.tolist() == [0.0, 0.0]
    assert vars(benchmark.ledger) == {
        "queries": 2, "repeats": 3, "trials": 5, "train_seconds": 90.0, "untimed": 0
    }  # fmt: skip


def test_single_trials_are_paid_for_one_by_one(benchmark):
    assert benchmark.query(CELLS[[8]], trial=1).train_seconds.tolist() == [20.0]
    assert benchmark.query(CELLS[[8]], trial=1).trials.tolist() == [0]
    assert benchmark.query(CELLS[[8]]).train_seconds.tolist() == [40.0]  # the other two
    assert (benchmark.ledger.queries, benchmark.ledger.trials) == (2, 3)


def test_another_number_of_epochs_is_another_training_and_its_time_may_be_unknown(benchmark):
    benchmark.query(CELLS[[8]])
    early = benchmark.query(CELLS[[8]], EARLY)
    assert early.trials.tolist() == [1] and np.isnan(early.train_seconds).all()
    assert (benchmark.ledger.trials, benchmark.ledger.untimed, benchmark.ledger.train_seconds) == (4, 1, 60.0)


def test_the_time_of_some_trials_may_be_unknown(tmp_path):
    trials = np.arange(3 * N, dtype=np.float32).reshape(N, 3) / 100
    costs = {"cifar10-valid/train_seconds@200": np.full((N, 2), [10.0, 20.0])}
    table = BenchmarkTable(
        "b", CELLS, nasbench201.cell_ids(CELLS), np.full(N, "labelled"), {VAL: trials}, VAL, None, costs
    )
    write_table(tmp_path / "b.h5", table, Job("ingest", {}))
    benchmark = Benchmark(tmp_path / "b.h5")
    assert benchmark.query(CELLS[[1]], trial=1).train_seconds.tolist() == [20.0]
    assert np.isnan(benchmark.query(CELLS[[2]]).train_seconds).all() and benchmark.ledger.untimed == 3


def test_cells_of_another_space_and_another_benchmark_s_table_are_refused(benchmark):
    other = darts.from_key(nasbench201.cell_key(CELLS[[2]]))  # keys of different spaces may be equal
    with pytest.raises(DataError, match="bench: holds cells of nasbench201; cells of darts were asked for"):
        benchmark.query(other)
    assert Benchmark(benchmark.path, "bench").name == load_table(benchmark.path, "bench").name == "bench"
    for opened in (Benchmark, load_table):
        with pytest.raises(ArtifactError, match="the table of 'bench', expected that of 'mine'"):
            opened(benchmark.path, "mine")


def test_what_is_not_there_is_named_with_what_is(benchmark):
    other = nasbench201.enumerate_cells()[[3, 4]]
    with pytest.raises(DataError, match=r"bench: 1 of 2 cells .* 12 nasbench201 cells .*\(first: \|"):
        benchmark.query(other)
    with pytest.raises(DataError, match=f"no metric 'val_acc'; it has {TEST}, {EARLY}, {VAL}"):
        benchmark.query(CELLS, "val_acc")
    with pytest.raises(DataError, match=r"trial 2 of .* some cell has only 2 \(counted from 0; .* up to 3"):
        benchmark.query(CELLS, trial=2)
    with pytest.raises(DataError, match="trial 5"):
        benchmark.query(CELLS[[8]], trial=5)
    assert vars(benchmark.ledger) == {name: 0 for name in vars(benchmark.ledger)}  # nothing was booked
    with pytest.raises(ArtifactError, match="no such file"):
        Benchmark("none.h5")


def test_isomorphic_spellings_find_the_same_row(tmp_path):
    cells = nasbench101.enumerate_cells()[::5000]
    values = np.linspace(0, 1, len(cells), dtype=np.float32)[:, None]
    ids = nasbench101.cell_ids(cells)
    role = np.full(len(cells), "labelled")
    table = BenchmarkTable("b", cells, ids, role, {"c/val_acc@1": values}, "c/val_acc@1", None)
    write_table(tmp_path / "b.h5", table, Job("ingest", {}))
    benchmark = Benchmark(tmp_path / "b.h5")
    swapped = [0, 2, 1, *range(3, 7)]
    free = (cells.adj[:, 1, 2] == 0) & (
        nasbench101.vertices(cells.ops) >= 4
    )  # vertices 1 and 2 may change places
    assert free.sum() > 10
    other = type(cells)(
        "nasbench101", cells.ops[free][:, swapped], cells.adj[free][:, swapped][:, :, swapped]
    )
    np.testing.assert_array_equal(benchmark.query(other).values, values[free, 0])
    assert benchmark.cells().tolist() == ids and benchmark.test_metric is None
