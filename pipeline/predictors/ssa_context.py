"""Prediction with the semi-supervised assessor: a cell joins the graph of fixed known cells.

In training a cell's prediction depends on which others are in its batch. Here each cell is scored beside the
same known cells, so that its score is its own: one such batch (graph: batch), or all known cells (graph:
space). A cell that is one of them is that vertex; another one is a vertex more, which changes its
neighbours' degrees but not what they tell. Memory is bounded: rows of the graph are made in blocks and
forgotten.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.predictors.ssa_cells import Cells
from pipeline.predictors.ssa_graph import placed, similarities
from pipeline.predictors.ssa_training import batches, embedded
from pipeline.predictors.threads import side_by_side
from pipeline.spaces.archs import Archs

SCORED_AT_ONCE = 4096  # cells
BLOCK = 2**24  # entries of the graph in memory at once: 64 MB


class Context:
    """Known cells with what they tell neighbours: points, degrees, embeddings, the second layer's input.

    known: cells, the first n labelled. generator: draws the batch that is kept.
    """

    def __init__(self, network, known: Cells, n: int, settings, generator):
        self.network, self.settings, self.device = network.eval(), settings, known.device
        self.keys, self.degrees = known.keys[:0], None
        if settings.graph == "none":
            return
        rows = torch.arange(known.n)
        if settings.graph == "batch":
            rows = torch.cat(next(batches(n, known.n, settings, generator, None)))
        self.keys, order = np.unique(known.keys[rows.numpy()], return_index=True)  # isomorphic ones are one
        with torch.inference_mode():
            z = embedded(network, known, rows[torch.as_tensor(order)])
            self.centre = z.mean(dim=0)
            self.points = placed(z, settings.normalisation, self.centre)
            everyone = torch.arange(len(z), device=self.device)
            self.degrees = torch.cat([row.sum(dim=1) for _, row in self._rows(self.points, everyone)])
            self.z = z
            gathered = torch.cat([self._gathered(row, d, z) for row, d in self._graph(everyone)])
            self.told = network.assessor.second(torch.relu(network.assessor.first(gathered)))

    def predict(self, archs: Archs, threads: int = 1) -> np.ndarray:
        """Return a score for each cell, float32 (N,). threads: they change no result."""
        scores = np.empty(len(archs), np.float32)

        def fill(start: int) -> None:
            part = slice(start, start + SCORED_AT_ONCE)
            with torch.inference_mode():
                scores[part] = self._scores(archs[part]).cpu().numpy()

        side_by_side(fill, range(0, len(archs), SCORED_AT_ONCE), threads)
        return scores

    def _scores(self, archs: Archs) -> Tensor:
        cells = Cells(archs, self.settings, self.device, self.network.scale)
        z, assessor = self.network.embed(cells.features(torch.arange(cells.n))), self.network.assessor
        if self.degrees is None:
            return assessor(z, None)
        place = np.searchsorted(self.keys, cells.keys).clip(max=len(self.keys) - 1)
        member = torch.as_tensor(self.keys[place] == cells.keys, device=self.device)
        place = torch.as_tensor(place, device=self.device)
        points = placed(z, self.settings.normalisation, self.centre)
        scores = []
        for part, row in self._rows(points, place, member):
            scores.append(self._of_block(row, z[part], member[part], assessor))
        return torch.cat(scores)

    def _of_block(self, row: Tensor, z: Tensor, member: Tensor, assessor) -> Tensor:
        """Return scores of cells with weights `row` (B, M) to known ones; no member: 1 to itself."""
        alone = (~member).float()[:, None]
        degree = row.sum(dim=1, keepdim=True) + alone
        weights = row / (degree * (self.degrees + alone * row)).sqrt()
        hidden = torch.relu(assessor.first(weights @ self.z + alone / degree * z))
        return (weights @ self.told + alone / degree * assessor.second(hidden))[:, 0]

    def _rows(self, points: Tensor, place: Tensor, member: Tensor | None = None):
        """Yield (slice, weights (B, M) to the known cells); a member has weight 1 to itself."""
        step = max(1, BLOCK // len(self.points))
        for start in range(0, len(points), step):
            part = slice(start, start + step)
            row = similarities(points[part], self.points, self.settings)
            at = torch.arange(len(row), device=row.device)
            if member is not None:
                at = at[member[part]]
            row[at, place[part][at]] = 1.0
            yield part, row

    def _graph(self, everyone: Tensor):
        """Yield (weights (B, M), degrees (B,)) of the known cells, block by block."""
        for part, row in self._rows(self.points, everyone):
            yield row, self.degrees[part]

    def _gathered(self, row: Tensor, degree: Tensor, values: Tensor) -> Tensor:
        """Return D^-1/2 A D^-1/2 X for a block of rows of A."""
        return (row @ (values * self.degrees.rsqrt()[:, None])) * degree.rsqrt()[:, None]
