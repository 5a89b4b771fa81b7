"""Chunks of scores that compute only what is new, and go on after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from pipeline import spaces
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.children.settings import NetworkSettings
from pipeline.errors import ConfigError
from pipeline.images.sets import ImageSet, write_images
from pipeline.job import Job
from pipeline.storage.artifacts import get_table, open_h5, put, put_archs, put_table, write_h5
from pipeline.storage.sidecars import read_run_record
from pipeline.zeroshot import collect, command, missing_scores
from pipeline.zeroshot.cells import batch_rows
from pipeline.zeroshot.chunks import joined
from pipeline.zeroshot.kept import Column, KeptScores, Sheet, spelling_keys
from pipeline.zeroshot.scores import image_batch
from pipeline.zeroshot.settings import ChunkSettings, Metric

SMALL = NetworkSettings(stem_channels=4, stacks=1, cells_per_stack=1).model_dump(mode="json")
METRICS = ["snip", "params", "synflow"]
N = 12


def noise() -> ImageSet:
    rng = np.random.default_rng(0)
    pixels, rows = rng.integers(0, 256, (40, 1, 6, 6), dtype=np.uint8), np.arange(40)
    return ImageSet(
        "noise", pixels, (rows % 3).astype(np.uint8), (rows % 4 == 3).astype(np.uint8), ("a", "b", "c")
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Inputs of the commands: images, a space of N cells, and a table of the same cells."""
    folder = tmp_path_factory.mktemp("inputs")
    space = spaces.load("nasbench201")
    cells = space.sample(N, np.random.default_rng(1))
    with write_h5(folder / "space.h5", "space", Job("space", {})) as handle:
        handle.attrs["space"] = "nasbench201"
        put_archs(handle, cells)
        put(handle, "keys", space.cell_key(cells))
        put_table(handle, {"index": np.arange(N)})
    write_images(folder / "images.h5", noise(), Job("images", {}))
    role = np.array(["labelled", "held_out"] * (N // 2))
    val = np.linspace(0, 1, N, dtype=np.float32)[:, None]
    ids = space.cell_ids(cells)
    table = BenchmarkTable("b", cells, ids, role, {"noise/val_acc@1": val}, "noise/val_acc@1", None)
    write_table(folder / "table.h5", table, Job("ingest", {}))
    return folder


def settings_of(start=0, count=N, metrics=METRICS, **changes) -> dict:
    settings = {"benchmark": "b", "space": "nasbench201", "images": "noise", "start": start, "count": count}
    return {**settings, "metrics": list(metrics), "batch_size": 8, "seeds": 1, "network": SMALL, **changes}


def chunk(folder, out: Path, cache=None, **changes) -> bytes:
    args = Namespace(space_file=folder / "space.h5", benchmark_table=None, images=folder / "images.h5")
    args.chunk, args.cache, args.out = 0, cache, out
    command.run(args, Job("zeroshot", settings_of(**changes), seed=3, device="cpu"))
    return out.read_bytes()


@pytest.fixture
def computed(monkeypatch) -> list[tuple[int, tuple[str, ...]]]:
    """Calls that compute something: (cells, metrics)."""
    calls, real = [], missing_scores.score_cells

    def spy(archs, images, settings, *rest):
        calls.append((len(archs), tuple(settings.metrics)))
        return real(archs, images, settings, *rest)

    monkeypatch.setattr(missing_scores, "score_cells", spy)
    return calls


def test_more_cells_cost_just_the_new_ones(folder, tmp_path, computed):
    kept = tmp_path / "kept"
    chunk(folder, tmp_path / "few.h5", kept, count=5)
    assert sum(n for n, _ in computed) == 5
    computed.clear()
    more = chunk(folder, tmp_path / "more.h5", kept)
    assert sum(n for n, _ in computed) == N - 5 and {m for _, m in computed} == {tuple(METRICS)}
    assert more == chunk(folder, tmp_path / "at_once.h5")


def test_one_more_metric_costs_just_itself_and_a_removed_one_nothing(folder, tmp_path, computed):
    kept = tmp_path / "kept"
    chunk(folder, tmp_path / "a.h5", kept, metrics=["snip", "params"])
    computed.clear()
    three = chunk(folder, tmp_path / "b.h5", kept)
    assert {m for _, m in computed} == {("synflow",)} and sum(n for n, _ in computed) == N
    assert three == chunk(folder, tmp_path / "at_once.h5")
    computed.clear()
    chunk(folder, tmp_path / "c.h5", kept, metrics=["params"])
    assert chunk(folder, tmp_path / "d.h5", kept) == three
    assert chunk(folder, tmp_path / "e.h5", kept, metrics=["synflow", "snip"]) and computed == []


def test_another_size_of_chunks_costs_nothing_and_a_chunk_is_one_file(folder, tmp_path, computed):
    kept = tmp_path / "kept"
    chunk(folder, tmp_path / "a.h5", kept, count=7)
    chunk(folder, tmp_path / "b.h5", kept, start=7, count=5)
    assert len(list(kept.rglob("*.npz"))) == 2
    computed.clear()
    parts = [chunk(folder, tmp_path / f"{k}.h5", kept, start=4 * k, count=4) for k in range(3)]
    assert computed == [] and len(parts) == 3


@pytest.mark.parametrize(
    ("changes", "seed"),
    [({"batch_size": 16}, 3), ({"seeds": 2}, 3), ({"network": {**SMALL, "stacks": 2}}, 3), ({}, 4)],
)
def test_what_a_score_depends_on_is_its_identity(folder, tmp_path, computed, changes, seed):
    kept = tmp_path / "kept"
    chunk(folder, tmp_path / "a.h5", kept, count=2, metrics=["params"])
    computed.clear()
    args = Namespace(space_file=folder / "space.h5", benchmark_table=None, images=folder / "images.h5")
    args.chunk, args.cache, args.out = 0, kept, tmp_path / "b.h5"
    settings = settings_of(count=2, metrics=["params"], **changes)
    command.run(args, Job("zeroshot", settings, seed=seed, device="cpu"))
    assert sum(n for n, _ in computed) == 2


@pytest.mark.parametrize("metric", get_args(Metric))
def test_a_metric_alone_is_what_it_is_among_all(folder, metric):
    cells = spaces.load("nasbench201").sample(3, np.random.default_rng(1))
    how = ChunkSettings(**settings_of(metrics=list(get_args(Metric))))
    together = missing_scores.scores_of(cells, noise(), how, 3, "cpu").columns[metric]
    alone = missing_scores.scores_of(cells, noise(), how.model_copy(update={"metrics": [metric]}), 3, "cpu")
    assert np.array_equal(alone.columns[metric].arch, together.arch, equal_nan=True)
    assert alone.columns[metric].reason.tolist() == together.reason.tolist()
    if together.op is not None:
        assert np.array_equal(alone.columns[metric].op, together.op, equal_nan=True)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit import test_zeroshot_kept as t
from pipeline.zeroshot import missing_scores
real, calls = missing_scores.score_cells, []
def dying(archs, *rest):
    calls.append(len(archs))
    if sum(calls) > 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(archs, *rest)
missing_scores.score_cells = dying
missing_scores.GROWTH = 1
t.chunk(Path(sys.argv[1]), Path(sys.argv[2]) / "chunk.h5", Path(sys.argv[2]) / "kept")
"""


def test_a_killed_chunk_goes_on_to_the_same_bytes(folder, tmp_path, computed):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(tmp_path)], env={**os.environ}, timeout=120
    )
    assert done.returncode == -signal.SIGKILL and not (tmp_path / "chunk.h5").exists()
    got = chunk(folder, tmp_path / "chunk.h5", tmp_path / "kept")
    assert sum(n for n, _ in computed) == N - 6
    assert got == chunk(folder, tmp_path / "at_once.h5")
    assert len(list((tmp_path / "kept").rglob("*.npz"))) == 1


def test_blocks_grow_until_they_take_their_time(monkeypatch):
    monkeypatch.setattr(missing_scores, "SECONDS", 0.05)
    sizes = []
    for block in missing_scores._blocks(np.arange(60)):
        sizes.append(len(block))
        time.sleep(0.01 * len(block))
    assert sizes[0] == missing_scores.FIRST and max(sizes) <= 6 and sum(sizes) == 60


def sheet(keys, metric="a", value=1.0) -> Sheet:
    n = len(keys)
    column = Column(
        np.ones(n, bool), np.full(n, value), np.full((n, 2), value), np.array(["why"] * n, object)
    )
    return Sheet(np.array(keys, np.uint64), {metric: column}, np.full(n, 0.5))


def test_kept_files_survive_damage_side_by_side_writers_and_gathering(tmp_path):
    kept = KeptScores(tmp_path, "identity")
    first, again = kept.write(sheet([1, 2])), kept.write(sheet([1, 2]))
    assert first == again  # two jobs that computed the same write the same
    other = kept.write(sheet([2, 3], "b", 2.0))
    foreign = kept.write(sheet([3, 9], "b", 2.0))
    found = kept.read(np.array([3, 1, 7], np.uint64))
    assert found.known(["a", "b"]).tolist() == [[False, True], [True, False], [False, False]]
    assert found.columns["a"].reason.tolist() == ["", "why", ""] and found.columns["b"].op[0].tolist() == [
        2,
        2,
    ]
    kept.gather(np.array([1, 2, 3], np.uint64))
    assert not first.exists() and not other.exists() and foreign.exists()
    assert len(list(kept.folder.iterdir())) == 2
    one = kept.read(np.array([2], np.uint64))
    assert one.known(["a", "b"]).all() and one.seconds.tolist() == [1.0]
    foreign.write_bytes(foreign.read_bytes()[:100])
    assert not kept.read(np.array([9], np.uint64)).known(["b"]).any()


def test_spelling_tells_apart_what_the_canonical_key_does_not():
    space = spaces.load("darts")
    cells = space.sample(50, np.random.default_rng(0))
    other = space.from_key(space.cell_key(cells))
    differ = (cells.ops != other.ops).any(axis=(1, 2))
    assert differ.any() and ((spelling_keys(cells) != spelling_keys(other)) == differ).all()


def test_the_artifact_says_with_what_it_was_computed(folder, tmp_path):
    chunks = [tmp_path / f"chunk_{k}.h5" for k in range(2)]
    for k, path in enumerate(chunks):
        chunk(folder, path, tmp_path / "kept", start=6 * k, count=6)
    out = tmp_path / "b.h5"
    job = Job("zeroshot_collect", {"benchmark": "b", "n_held_out": 2, "n_labelled": 4})
    collect.run(Namespace(chunks=chunks, out=out), job)
    with open_h5(out, "zeroshot") as handle:
        assert handle["arch/snip"].dtype == np.float64 and handle["arch/snip"].shape == (N,)
        assert handle["op/snip"].shape == handle["archs/ops"].shape
        facts = dict(handle.attrs)
        batch, reasons = handle["batch"][()], get_table(handle)["reason"]
    assert facts["batch_size"] == 8 and facts["seeds"] == 1 and facts["seed"] == 3
    assert facts["images"] == "noise" and '"stem_channels":4' in facts["network"]
    seconds = read_run_record(out)
    assert 0 < seconds["score_seconds_median"] < 5 and "seconds" not in facts
    pixels, labels = image_batch(noise(), 8, 3, "cpu")
    images = noise()
    assert np.allclose(images.normalised(images.images[batch]), pixels.numpy())
    assert images.labels[batch].tolist() == labels.tolist() and (images.split[batch] == 0).all()
    dead = [bool(r) for r in reasons]
    assert dead.count(True) == sum(np.isnan(read(out, "snip")))


def read(path, metric):
    with open_h5(path) as handle:
        return handle[f"arch/{metric}"][()]


def test_a_missing_score_has_its_own_reason(folder, tmp_path, monkeypatch, caplog):
    def scores(archs, images, settings, *rest):
        n, arch = len(archs), {m: np.ones(len(archs)) for m in settings.metrics}
        arch["snip"][0] = np.nan
        arch["synflow"][0] = np.nan
        reason = ["snip: all gradients are zero; synflow: not finite"] + [""] * (n - 1)
        return SimpleNamespace(cells=[""] * n, arch=arch, op={}, reason=reason, seconds=np.full(n, 0.25))

    monkeypatch.setattr(missing_scores, "score_cells", scores)
    monkeypatch.setattr(missing_scores, "FIRST", N)
    with caplog.at_level("WARNING", "nasflow"):
        chunk(folder, tmp_path / "c.h5", tmp_path / "kept")
    assert "1 of 12 cells lack some score" in caplog.text
    assert "1: all gradients are zero (snip)" in caplog.text and "1: not finite (synflow)" in caplog.text
    with open_h5(tmp_path / "c.h5") as handle:
        assert handle["reason/snip"].asstr()[()].tolist() == ["all gradients are zero"] + [""] * (N - 1)
        assert handle["reason/synflow"].asstr()[0] == "not finite"
        assert set(handle["reason/params"].asstr()[()]) == {""}
    assert read_run_record(tmp_path / "c.h5")["score_seconds"] == [0.25] * N


def test_reasons_are_split_by_metric_and_joined_again():
    metrics = ["snip", "nwot", "zen"]
    text = "snip, zen: all gradients are zero; nwot: equal codes"
    split = missing_scores.split_reasons(text, metrics)
    assert split == {"snip": "all gradients are zero", "nwot": "equal codes", "zen": "all gradients are zero"}
    assert joined({m: [split[m], ""] for m in metrics}) == [text, ""]
    split = missing_scores.split_reasons("not built: vertex 3 needs 2 channels", metrics)
    assert joined({m: [split[m]] for m in metrics}) == ["not built: vertex 3 needs 2 channels"]


def test_a_table_gives_its_cells_and_roles_and_not_more_than_it_has(folder, tmp_path):
    args = Namespace(space_file=None, benchmark_table=folder / "table.h5", images=folder / "images.h5")
    args.chunk, args.cache, args.out = 0, None, tmp_path / "c.h5"
    command.run(args, Job("zeroshot", settings_of(metrics=["params"]), seed=3, device="cpu"))
    with open_h5(args.out) as handle:
        cells = get_table(handle)
    assert cells["role"].tolist() == ["held_out"] * 6 + ["labelled"] * 6  # a predictor's cells come first
    assert cells["cell"].nunique() == N
    with pytest.raises(ConfigError, match="n_scored: 13 cells were asked for, but the table has 12"):
        command.run(args, Job("zeroshot", settings_of(count=N + 1), seed=3, device="cpu"))
    with pytest.raises(ConfigError, match="'photos' were asked for"):
        batch_rows(noise(), ChunkSettings(**settings_of(images="photos")), 3)
