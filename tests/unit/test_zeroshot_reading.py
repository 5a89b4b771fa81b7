"""Looking scores up by cell, in whatever spelling."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import spaces
from pipeline.errors import ArtifactError, DataError
from pipeline.job import Job
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import put, put_archs, write_h5
from pipeline.zeroshot.alignment import aligned
from pipeline.zeroshot.reading import ZeroShot


def respelt(archs: Archs, rng) -> Archs:
    """The same NASBench-101 cells with their interior vertices in another order, edges still forward."""
    ops, adj = archs.ops.copy(), archs.adj.copy()
    for row in range(len(archs)):
        for _ in range(20):
            order = np.r_[0, 1 + rng.permutation(5), 6]
            moved = archs.adj[row][order][:, order]
            if not np.tril(moved).any():
                ops[row], adj[row] = archs.ops[row][order], moved
                break
    return Archs(archs.space, ops, adj)


def some(name: str, n: int = 200) -> tuple[Archs, Archs]:
    """Cells of a space, and an isomorphic spelling of each."""
    space, rng = spaces.load(name), np.random.default_rng(0)
    cells = space.sample(n, rng)
    return cells, respelt(cells, rng) if name == "nasbench101" else space.from_key(space.cell_key(cells))


def write(path, archs: Archs, n_metrics: int = 2):
    """Scores that say which operation they belong to: its code, and in the second metric twice that."""
    with write_h5(path, "zeroshot", Job("zeroshot_collect", {})) as handle:
        put_archs(handle, archs)
        for m in range(n_metrics):
            put(handle, f"arch/metric{m}", np.arange(len(archs), dtype=float) * (m + 1))
            put(handle, f"op/metric{m}", archs.ops.astype(float) * (m + 1))
        put(handle, "arch/whole", np.arange(len(archs), dtype=float))
    return path


@pytest.mark.parametrize("name", ["nasbench101", "darts", "nasbench201"])
def test_scores_of_operations_follow_the_spelling_that_is_asked_for(name, tmp_path):
    cells, other = some(name)
    stored = ZeroShot.load(write(tmp_path / "z.h5", cells), name)
    rows = np.random.default_rng(1).permutation(len(cells))[:50]
    if name != "nasbench201":
        assert (cells.ops != other.ops).any(axis=tuple(range(1, cells.ops.ndim))).mean() > 0.1
    got = stored.op(other[rows], ["metric1", "metric0"])
    assert got.shape == (*other.ops[rows].shape, 2)
    assert np.array_equal(got[..., 1], other.ops[rows]) and np.array_equal(got[..., 0], 2.0 * other.ops[rows])
    assert np.array_equal(stored.arch(other[rows], ["whole", "metric1"]), np.stack([rows, 2 * rows], axis=1))


def test_vertices_of_one_operation_are_told_apart_by_their_edges():
    chain = np.zeros((1, 7, 7), np.uint8)
    chain[0, [0, 1, 2, 1], [1, 2, 6, 6]] = 1
    ops = np.array([[1, 2, 2, 0, 0, 0, 5]], np.uint8)
    moved = np.zeros((1, 7, 7), np.uint8)
    moved[0, [0, 2, 4, 2], [2, 4, 6, 6]] = 1
    other = Archs("nasbench101", np.array([[1, 0, 2, 0, 2, 0, 5]], np.uint8), moved)
    values = np.array([[[10.0], [11], [12], [0], [0], [0], [16]]])
    got = aligned(values, Archs("nasbench101", ops, chain), other)[0, :, 0]
    assert got[[0, 2, 4, 6]].tolist() == [10, 11, 12, 16]
    with pytest.raises(ValueError, match="row 0 holds two cells that are not isomorphic"):
        aligned(values, Archs("nasbench101", ops, chain), Archs("nasbench101", ops, moved))


def test_what_the_file_does_not_have_is_one_line(tmp_path):
    cells, _ = some("nasbench201", 30)
    path = write(tmp_path / "z.h5", cells[:20])
    stored = ZeroShot.load(path)
    with pytest.raises(DataError, match=r"z\.h5: no zero-shot metric 'zen'; it has metric0, metric1, whole"):
        stored.arch(cells[:3], ["zen"])
    with pytest.raises(DataError, match=r"no scores of operations by 'whole'; there are metric0, metric1"):
        stored.op(cells[:3], ["whole"])
    with pytest.raises(DataError, match=r"10 of 30 cells that were asked for were not scored \(first: \|"):
        stored.arch(cells, ["whole"])
    with pytest.raises(DataError, match="holds scores of nasbench201 cells, expected nasbench1shot1_2"):
        ZeroShot.load(path, "nasbench1shot1_2")
    with pytest.raises(DataError, match="holds scores of nasbench201 cells, expected darts"):
        stored.arch(some("darts", 1)[0], ["whole"])
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ArtifactError, match="cut short or damaged"):
        ZeroShot.load(path)
