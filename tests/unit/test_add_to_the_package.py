"""The examples of "Add a strategy", "… a zero-shot metric" and "… a space", in a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.config.model import merge
from tests.unit.documents import ROOT, blocks

STRATEGY, METRIC, SPACE = (f"docs/howto/add_a_{what}.md" for what in ("strategy", "metric", "space"))


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A folder with a copy of the package to which the three pages were applied, and a configuration."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pipeline/search/annealing.py").write_text(blocks(STRATEGY, "python")[0])
    function, entry, lines = blocks(METRIC, "python")
    (folder / "pipeline/zeroshot/logit_spread.py").write_text(function)
    insert(folder / "pipeline/zeroshot/metrics.py", "COSTS = ", entry)
    imports, use = lines.split("\n\n")
    insert(folder / "pipeline/zeroshot/network.py", "from pipeline.zeroshot.passes", imports + "\n")
    use = "".join(f"    {line}\n" for line in use.splitlines())
    insert(folder / "pipeline/zeroshot/network.py", '    if "l2_norm" in metrics:', use)
    module, entry = blocks(SPACE, "python")
    (folder / "pipeline/spaces/nasbench101_small.py").write_text(module)
    insert(folder / "pipeline/spaces/__init__.py", "NAMES = ", entry)
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    raw["benchmarks"], raw["autoencoders"] = {}, {}
    raw["predictors"] = {"gates": {"method": "gates"}}
    raw["evaluation"]["n_train"] = [30]
    for page in (STRATEGY, METRIC, SPACE):
        merge(raw, yaml.safe_load(blocks(page, "yaml")[0]))
    (folder / "my.yaml").write_text(yaml.safe_dump(raw))
    return folder


def insert(file: Path, place: str, text: str) -> None:
    """Put text before the first line that begins with `place`; it must be there."""
    before, found, after = file.read_text().partition(f"\n{place}")
    assert found, f"{file.name} has no line {place!r}"
    file.write_text(f"{before}\n{text}{found.removeprefix(chr(10))}{after}")


def run(folder: Path, *command: str) -> str:
    """Run Python in the folder, with the copy of the package first and the tests' helpers behind it."""
    path = f"{folder}{os.pathsep}{ROOT}"
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_their_lines_of_configuration_are_checked_like_any_other(extended):
    shown = yaml.safe_load(run(extended, "-m", "pipeline", "config", "my.yaml"))
    assert shown["strategies"]["annealing"]["cooling"] == 0.95
    assert shown["zeroshot"]["metrics"] == ["synflow", "params", "logit_spread"]
    assert shown["benchmarks"]["small"]["space"] == "nasbench101_small"


SEARCHED = """
import numpy as np
from pipeline.search import annealing, random
from pipeline.search.context import Context
from pipeline.search.domain import Domain
from pipeline.search.loop import spend
from tests.unit import toy_space as toy

domain = Domain(toy, toy.unique_cells())


def search(module):
    draws = [np.random.default_rng(run).permutation(domain.size)[:6] for run in range(8)]
    context = Context(domain, [domain.cells[:0]] * 8, list(range(8)), 60)
    oracle = toy.CountingOracle(toy)
    first = domain.cells[np.concatenate(draws)]
    return spend(module.Strategy(module.Settings(), context), oracle, domain, first, 8, 60, "walk").columns


found, again, chance = search(annealing), search(annealing), search(random)
assert found["query"].tolist() == list(range(1, 61)) * 8
assert found["cell"].tolist() == again["cell"].tolist()
best = [columns["best_val_acc"].reshape(8, 60)[:, -1].mean() for columns in (found, chance)]
assert best[0] > best[1] + 0.02, best
"""


def test_the_strategy_spends_its_budget_and_finds_better_cells_than_chance(extended):
    run(extended, "-c", SEARCHED)


SCORED = """
import numpy as np, torch
from pipeline.children.settings import NetworkSettings
from pipeline.images.sets import ImageSet
from pipeline.zeroshot.scores import score_cells
from pipeline.zeroshot.settings import ScoreSettings
from tests.unit.nasbench201_cells import cells

rng = np.random.default_rng(0)
pixels = rng.integers(0, 256, (40, 1, 8, 8)).astype(np.uint8)
labels = rng.integers(0, 4, 40).astype(np.uint8)
images = ImageSet("toy", pixels, labels, np.zeros(40, np.uint8), tuple("abcd"))
small = NetworkSettings(stem_channels=4, stacks=2, cells_per_stack=1)
cells = cells("333333", "324113", "332113", "000000")


def scores(*metrics):
    settings = ScoreSettings(metrics=list(metrics), batch_size=16, network=small)
    return score_cells(cells, images, settings, 1, torch.device("cpu"))


alone, beside = scores("logit_spread"), scores("zen", "logit_spread", "grad_norm", "synflow")
values = alone.arch["logit_spread"]
assert np.isfinite(values[:3]).all() and len(set(values[:3])) == 3, values
assert np.isnan(values[3]) and alone.reason[3] == "logit_spread: not finite"  # no edge at all: one answer
assert np.array_equal(values, beside.arch["logit_spread"], equal_nan=True)
for metric in ("grad_norm", "synflow"):
    assert np.array_equal(beside.arch[metric], scores(metric).arch[metric], equal_nan=True)
"""


def test_the_metric_scores_networks_and_changes_no_other_metric(extended):
    run(extended, "-c", SCORED)


LISTED = """
import numpy as np
from pipeline import spaces
from pipeline.children.settings import NetworkSettings

space = spaces.load("nasbench101_small")
cells, rng = space.enumerate_cells(), np.random.default_rng(0)
assert len(cells) == space.SIZE == len(np.unique(space.canonical_key(cells))) and space.validate(cells).all()
assert space.validate(space.mutate(cells, rng)).all()
assert space.validate(space.crossover(cells, space.mutate(cells, rng), rng)).all()
larger = spaces.load("nasbench101").enumerate_cells()
assert space.validate(larger).sum() == space.SIZE
some = space.sample(100, rng)
assert len(set(space.cell_ids(some))) == 100 and (space.params(some, 8, 2, 1) > 0).all()
assert spaces.network("nasbench101_small").build_network(some[0], NetworkSettings(stem_channels=4), 1, 10)
"""


def test_the_space_holds_what_it_says(extended):
    run(extended, "-c", LISTED)
