"""A folder of trained networks that several processes share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.children import interleaved
from pipeline.children.kept import Kept
from pipeline.children.training import train_network
from pipeline.images.sets import ImageSet
from pipeline.job import Job
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import cell_ids
from tests.unit.child_networks import (
    BRANCHES,
    MIXED,
    NETWORK,
    PLAIN,
    TRAINING,
    count_epochs,
    few_digits,
    same,
)

ROOT = Path(__file__).resolve().parents[2]
CELLS = Archs.concatenate([PLAIN, BRANCHES, MIXED])
Job("test", {}, device="cpu").torch_device()

OTHER_STRATEGY = """
import sys
from pathlib import Path
from tests.unit.test_children_kept import CELLS, few_digits, kept_by

kept = kept_by("other", Path(sys.argv[1]), few_digits())
print("ready", flush=True)
input()
print(sum(now for _, _, now in kept.get_all(CELLS)))
"""


def kept_by(strategy: str, folder: Path, images: ImageSet) -> Kept:
    """Return the folder as one of several strategies sees it."""
    job = Job("search", {"strategy": strategy}, seed=1, code=strategy, device="cpu")
    return Kept(folder, images, NETWORK.model_dump(), TRAINING.model_dump(), "nasbench101", job, "cpu")


def contents(kept: Kept) -> dict[str, bytes]:
    """Return all that is in the folder, but for run records, which tell times."""
    return {f.name: f.read_bytes() for f in kept.folder.iterdir() if not f.name.endswith(".run.json")}


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return few_digits()


@pytest.fixture(scope="module")
def alone(tmp_path_factory, images) -> Kept:
    """A folder that one process filled."""
    kept = kept_by("alone", tmp_path_factory.mktemp("alone"), images)
    assert [now for _, _, now in kept.get_all(CELLS)] == [True] * 3
    return kept


def test_two_strategies_that_train_the_same_cells_at_once_write_the_same_files(tmp_path, images, alone):
    one = kept_by("one", tmp_path, images)
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_STRATEGY, str(tmp_path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("begin\n")
        other.stdin.flush()
        trained = sum(now for _, _, now in one.get_all(CELLS))
        out, errors = other.communicate(timeout=120)
    finally:
        other.kill()
    assert other.returncode == 0, errors
    assert trained + int(out) >= 3
    assert contents(one) == contents(alone)  # no checkpoint and no part of a file is left, either
    assert set(contents(one)) == {f"{cell}.h5" for cell in cell_ids(CELLS)}


def test_what_another_process_has_finished_meanwhile_is_not_trained_again(
    tmp_path, images, alone, monkeypatch
):
    epochs = count_epochs(monkeypatch)
    kept = kept_by("slow", tmp_path, images)
    asked = kept.get_all(CELLS)
    row, _, now = next(asked)
    assert (row, now, len(epochs)) == (0, True, TRAINING.epochs)
    for file in alone.folder.glob(f"{cell_ids(MIXED)[0]}.*"):
        (kept.folder / file.name).write_bytes(file.read_bytes())
    found = {row: (result, now) for row, result, now in asked}
    assert [found[row][1] for row in (1, 2)] == [True, False]
    assert len(epochs) == 2 * TRAINING.epochs
    assert same(found[2][0], train_network(MIXED, images, NETWORK, TRAINING, seed=1))


def test_a_checkpoint_taken_away_by_who_finished_first_does_no_harm(tmp_path, images, alone):
    kept = kept_by("late", tmp_path, images)
    training = kept._training(BRANCHES, cell_ids(BRANCHES)[0])
    checkpoint = kept.folder / f"{cell_ids(BRANCHES)[0]}.pt"
    while not checkpoint.exists():
        next(training)
    checkpoint.unlink()
    result, now = interleaved.alone(training)
    assert now and same(result, alone.get(BRANCHES)[0])


@pytest.mark.parametrize("suffix", [".h5", ".pt"])
def test_a_byte_that_changed_anywhere_is_noticed(tmp_path, images, alone, monkeypatch, suffix):
    kept = kept_by("damaged", tmp_path, images)
    cell = cell_ids(PLAIN)[0]
    training = kept._training(PLAIN, cell)
    while not (kept.folder / f"{cell}.pt").exists():
        next(training)
    if suffix == ".h5":
        kept.get(PLAIN)
    file = kept.folder / f"{cell}{suffix}"
    whole, epochs = file.read_bytes(), count_epochs(monkeypatch)
    for place in np.random.default_rng(0).integers(len(whole), size=6):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        result, now = kept.get(PLAIN)
        assert now and same(result, alone.get(PLAIN)[0])
        if suffix == ".pt":
            (kept.folder / f"{cell}.h5").unlink()
    assert len(epochs) == 6 * TRAINING.epochs
