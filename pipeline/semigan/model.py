"""The joint model of cells and their accuracy: R runs, trained side by side, none dependent on another.

`SemiGan` is what the predictor, the search strategy and the analysis share: learn from labelled cells,
predict, generate under a rank class.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from pipeline.encodings.graphs import graph_shape, to_graphs
from pipeline.predictors.targets import TARGETS
from pipeline.predictors.threads import side_by_side
from pipeline.randomness import torch_generator
from pipeline.semigan.cells import decode
from pipeline.semigan.classes import bounds_of_targets, class_bounds
from pipeline.semigan.networks import Graphs, noisy
from pipeline.semigan.training import Cells, Networks, latents, train
from pipeline.spaces.archs import Archs

log = logging.getLogger("nasflow")
RUNS_AT_ONCE = {"cpu": 8, "cuda": 64}  # in one batched model: what stays in a core's cache, and memory
CELLS_AT_ONCE = 256


class Generated(NamedTuple):
    """What a run generated: cells of which `valid` ones are of use; `raw`: valid without repair."""

    archs: Archs
    valid: np.ndarray
    raw: np.ndarray


class SemiGan:
    """Generator, predictor and discriminator of R runs."""

    def __init__(
        self,
        settings,
        space: str,
        unlabelled: Sequence[Archs],
        seeds: Sequence[int],
        device="cpu",
        threads: int = 1,
    ):
        """settings: `SemiGanSettings`. unlabelled: cells without label, as many for each of the R runs.

        threads: so many batches of runs are trained at a time; this changes no byte.
        """
        self.threads, self.warned = threads, False
        self.settings, self.space, self.device = settings, space, device
        self.shape = graph_shape(space)
        self.streams = [torch_generator(seed, "semigan") for seed in seeds]
        at_once = RUNS_AT_ONCE["cpu" if str(device) == "cpu" else "cuda"]
        self.groups = [slice(i, i + at_once) for i in range(0, len(seeds), at_once)]
        graphs = [to_graphs(archs) for archs in unlabelled]
        self.free = [
            tuple(torch.as_tensor(np.stack(x), device=device) for x in zip(*graphs[part], strict=True))
            for part in self.groups
        ]
        seen = [np.arange(self.shape.n_ops) == ops[:, :, None] for ops, _ in graphs]  # (M, V, K) of each run
        self.allowed = [codes.any(axis=0) for codes in seen]
        self.networks = []
        for part in self.groups:
            ops = torch.as_tensor(
                np.stack([s.mean(axis=0) for s in seen[part]])[:, None], dtype=torch.float32
            )
            adj = torch.as_tensor(np.stack([g[1].mean(axis=0) for g in graphs[part]])[:, None])
            frequencies = Graphs(ops, adj.float())
            self.networks.append(Networks(settings, self.shape, frequencies, self.streams[part], device))
        self.targets: list = [None] * len(seeds)

    def fit(self, archs: Sequence[Archs], scores: Sequence[np.ndarray], epochs: int) -> list[dict]:
        """Train for some epochs, on from where the networks are; return the last losses of each group.

        archs, scores: the labelled cells of each run and their accuracies, float (n,). Warns once if none of
        a run's cells is of the best class, so that nothing can be learned of it.
        """
        empty = [not (y > class_bounds(y, self.settings)[0]).any() for y in scores]
        if any(empty) and not self.warned:
            self.warned = True
            log.warning(
                "semigan: in %d of %d runs no labelled cell is above the bound of the best class; "
                "lower bound, or take percentile",
                sum(empty),
                len(empty),
            )

        def one(group: int) -> dict:
            part = self.groups[group]
            cells = self._cells(archs[part], scores[part], part, self.free[group])
            return train(self.networks[group], cells, self.settings, self.streams[part], epochs)

        return side_by_side(one, range(len(self.groups)), self.threads)

    def _cells(self, archs: Sequence[Archs], scores: Sequence[np.ndarray], part: slice, free) -> Cells:
        """Return what a group learns from, padded to as many cells for each run."""
        n = max(len(s) for s in scores)
        ops, adj, target, bounds = [], [], [], []
        for run, (cells, y) in enumerate(zip(archs, scores, strict=True), start=part.start):
            y = np.asarray(y, np.float64)
            self.targets[run] = TARGETS[self.settings.targets](y)
            graphs = to_graphs(cells)
            missing = n - len(y)
            ops.append(np.pad(graphs[0], ((0, missing * self.shape.cells), (0, 0))))
            adj.append(np.pad(graphs[1], ((0, missing * self.shape.cells), (0, 0), (0, 0))))
            target.append(np.pad(self.targets[run].of(y), (0, missing)))
            limits = class_bounds(y, self.settings)
            bounds.append(bounds_of_targets(self.settings.targets, self.targets[run], y, limits))
        ops, adj = (torch.as_tensor(np.stack(x), device=self.device) for x in (ops, adj))
        target, bounds = (
            torch.as_tensor(np.stack(x), dtype=torch.float32, device=self.device) for x in (target, bounds)
        )
        return Cells(ops, adj, [len(y) for y in scores], target, bounds, *free)

    def generate(self, n: int, rank: int = 0) -> list[Generated]:
        """Generate `n` cells of a rank class in each run; class 0 is the best."""
        groups = side_by_side(
            lambda group: self._generate(group, n, rank), range(len(self.groups)), self.threads
        )
        return [found for group in groups for found in group]

    def _generate(self, group: int, n: int, rank: int) -> list[Generated]:
        part, generator = self.groups[group], self.networks[group].generator
        streams, allowed = self.streams[part], self.allowed[part]
        classes = torch.full((len(streams), 1), rank, device=self.device)
        classes = F.one_hot(classes, self.settings.n_classes).float()
        parts: list[list] = [[] for _ in streams]
        with torch.inference_mode():
            for start in range(0, n, CELLS_AT_ONCE):
                size = min(CELLS_AT_ONCE, n - start)
                z = latents(generator, size, streams, self.device)
                added = generator(z, classes.expand(-1, size, -1))
                scores = noisy(generator.logits(added), self.settings.noise, streams)
                ops, edges = (generator.repeated(x).cpu().numpy() for x in scores)
                for i, found in enumerate(parts):
                    found.append(decode(self.space, ops[i], edges[i], allowed[i], self.settings.repair))
        return [
            Generated(Archs.concatenate(a), np.concatenate(v), np.concatenate(r))
            for a, v, r in (zip(*found, strict=True) for found in parts)
        ]

    def predict(self, archs: Sequence[Archs]) -> list[np.ndarray]:
        """Return the accuracies that each run's predictor gives to its cells, float32 (n,) each."""
        return [
            predict(self.predictor(run), cells, self.targets[run], self.device, self.threads)
            for run, cells in enumerate(archs)
        ]

    def predictor(self, run: int):
        """Return the predictor of one run as a network of its own."""
        group = next(i for i, part in enumerate(self.groups) if part.start <= run < part.stop)
        return self.networks[group].predictor.only(run - self.groups[group].start)


def predict(network, archs: Archs, targets, device, threads: int = 1) -> np.ndarray:
    """Return the accuracies that a predictor (of one replicate) gives to cells, float32 (n,)."""

    def part(start: int) -> np.ndarray:
        graphs = to_graphs(archs[start : start + CELLS_AT_ONCE])
        ops, adj = (torch.as_tensor(x, device=device) for x in graphs)
        with torch.inference_mode():
            said = network(Graphs(F.one_hot(ops.long(), network.n_ops).float()[None], adj.float()[None]))
        return targets.back(said[0].cpu().numpy()).astype(np.float32)

    found = side_by_side(part, range(0, len(archs), CELLS_AT_ONCE), threads)
    return np.concatenate([np.empty(0, np.float32), *found])
