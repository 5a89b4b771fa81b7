"""Training of the semi-supervised assessor: the auto-encoder first, then all of it (algorithm 1)."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import torch
from torch import Tensor

from pipeline.counted import Counted
from pipeline.predictors.losses import LOSSES
from pipeline.predictors.ssa_graph import Graph, check_density, distances, placed

log = logging.getLogger("nasflow")
EMBEDDED_AT_ONCE = 4096  # cells
REFRESH = 20  # epochs after which nearest cells are looked up again, where the graph is the space's


def pretrain(network, known, settings, generator, epochs: Counted) -> None:
    """Minimise the reconstruction error over all known cells with Adam, in place. epochs: those done."""
    optimiser = torch.optim.Adam(network.autoencoder.parameters(), lr=settings.lr)
    for _ in range(settings.pretrain_epochs):
        for rows in torch.randperm(known.n, generator=generator).split(settings.batch_size):
            x = known.features(rows)
            loss = (network.autoencoder.decode(network.embed(x)) - x).square().mean()
            _step(optimiser, loss)
        epochs.add()


def train(network, known, truth: Tensor, settings, generator, epochs: Counted) -> float:
    """Minimise (1 - lambda) regression + lambda reconstruction with Adam, in place (equation 6).

    known: cells, the labelled ones first. truth: float (n,), their targets. epochs: those done are added.
    Returns the graph's mean density in the last epoch, NaN without a graph. Raises UserError if the graph is
    empty to begin with, or complete in the end.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.lr)
    shares: list[float] = []
    for epoch in range(settings.epochs):
        if epoch % REFRESH == 0:
            companions = _companions(network, known, len(truth), settings, generator)
        shares = []
        for labelled, others in batches(len(truth), known.n, settings, generator, companions):
            x = known.features(torch.cat([labelled, others]))
            z = network.embed(x)
            graph = _graph(z, settings)
            if graph is not None and epoch in (0, settings.epochs - 1) and len(z) > 1:
                shares.append(graph.density())
            score = network.assessor(z, graph)[: len(labelled)]
            loss = _regression(score, truth[labelled], settings, generator)
            if network.autoencoder.decodes and settings.reconstruction:
                decoded = network.autoencoder.decode(z)
                lost = reconstruction(decoded, x, len(labelled))
                loss = (1 - settings.reconstruction) * loss + settings.reconstruction * lost
            _step(optimiser, loss)
        epochs.add()
        if epoch == 0 and shares and not any(shares):
            check_density(0, settings, "before training")
    if not shares:
        return float("nan")
    share = sum(shares) / len(shares)
    if share:  # the first embeddings may all be alike, and trained ones none; not the other way round
        check_density(share, settings, "after training")
    else:
        log.warning(
            "ssa: training took the last edges out of the similarity graph; a larger sigma keeps some"
        )
    return share


def batches(n: int, n_known: int, settings, generator, companions) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch: rows of labelled cells, each once in an epoch, and of unlabelled ones.

    The unlabelled ones fill the batch: drawn at random from rows n to n_known, or one of its nearest for each
    labelled cell in turn (companions: (n, k)).
    """
    size = max(1, round(settings.batch_size * settings.labelled_share))
    for labelled in torch.randperm(n, generator=generator).split(size):
        wanted = min(settings.batch_size - len(labelled), n_known - n)
        if companions is None:
            others = n + torch.randperm(n_known - n, generator=generator)[:wanted]
        else:
            drawn = torch.randint(companions.shape[1], (wanted,), generator=generator)
            of = labelled[torch.arange(wanted) % len(labelled)]
            others = companions[of, drawn].unique()
        yield labelled, others


def reconstruction(decoded: Tensor, x: Tensor, n_labelled: int) -> Tensor:
    """Mean error over entries, of labelled cells plus of unlabelled ones (equation 2, for a mean entry)."""
    errors = (decoded - x).square().flatten(1).mean(dim=1)
    parts = [part.mean() for part in (errors[:n_labelled], errors[n_labelled:]) if len(part)]
    return sum(parts)


def embedded(network, known, rows: Tensor) -> Tensor:
    """Return the embeddings of known cells (n, latent), in batches, without gradients and as in scoring."""
    training = network.training
    network.eval()
    with torch.inference_mode():
        z = torch.cat([network.embed(known.features(part)) for part in rows.split(EMBEDDED_AT_ONCE)])
    network.train(training)
    return z


def _companions(network, known, n: int, settings, generator) -> Tensor | None:
    """Return the rows of each labelled cell's nearest unlabelled ones, (n, k); None if they are random."""
    if settings.graph != "space" or known.n == n:
        return None
    points = placed(embedded(network, known, torch.arange(known.n)), settings.normalisation)
    k = min(settings.neighbours, known.n - n)
    found = [
        distances(part, points[n:], settings.distance).topk(k, largest=False).indices.cpu()
        for part in points[:n].split(max(1, 2**24 // known.n))
    ]
    return n + torch.cat(found)


def _graph(z: Tensor, settings) -> Graph | None:
    """Return the similarity graph of a batch, or None where there is to be none."""
    if settings.graph == "none":
        return None
    return Graph(placed(z, settings.normalisation), settings)


def _regression(score: Tensor, truth: Tensor, settings, generator) -> Tensor:
    return LOSSES[settings.loss](score[None], truth[None], settings, [generator])[0]


def _step(optimiser, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
