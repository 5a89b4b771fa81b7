"""Training of the three networks: equations 6 to 10 of SemiGAN-NAD."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.semigan.classes import membership
from pipeline.semigan.networks import Discriminator, Generator, Graphs, Predictor, joined, noisy


class Networks(nn.Module):
    """The three networks, R replicates, each with Adam of its own."""

    def __init__(self, settings, shape, frequencies: Graphs, generators, device):
        super().__init__()
        self.predictor = Predictor(settings, shape, generators)
        self.generator = Generator(settings, shape, frequencies, generators)
        self.discriminator = Discriminator(settings, shape, generators)
        self.to(device)
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), lr=lr, fused=True)
            for (name, network), lr in zip(
                self.named_children(),
                (settings.lr, settings.generator_lr, settings.discriminator_lr),
                strict=True,
            )
        }


class Cells(NamedTuple):
    """What R replicates learn from, on the device; M = N * cells graphs.

    ops uint8 (R, M, V), adj uint8 (R, M, V, V) of N labelled cells, padded to as many for each replicate;
    count: how many there are, a list of R. target (R, N): what the predictor fits. bounds (R, C - 1): those
    of the rank classes on that scale. free_ops, free_adj: the unlabelled ones.
    """

    ops: Tensor
    adj: Tensor
    count: list[int]
    target: Tensor
    bounds: Tensor
    free_ops: Tensor
    free_adj: Tensor


def train(networks: Networks, cells: Cells, settings, generators, epochs: int) -> dict[str, float]:
    """Train for some epochs, in place; return the last epoch's mean losses, by term of the equations.

    generators: one a replicate, on the CPU: order of cells, latents, draws. All batches are full: an epoch
    begins again with the first cells where the last ones do not fill one.
    """
    networks.train()
    n_archs = cells.target.shape[1]
    steps = -(-n_archs // settings.batch_size)
    for _ in range(epochs):
        rows = torch.stack(
            [_order(n, steps * settings.batch_size, g) for n, g in zip(cells.count, generators, strict=True)]
        )
        n_free = cells.free_ops.shape[1] // networks.generator.cells
        free = [torch.randint(n_free, (rows.shape[1],), generator=g) for g in generators]
        free = torch.stack(free)
        said = []
        for start in range(0, rows.shape[1], settings.batch_size):
            part = slice(start, start + settings.batch_size)
            said.append(_step(networks, cells, rows[:, part], free[:, part], settings, generators))
    networks.eval()
    return {name: sum(losses[name] for losses in said).item() / steps for name in said[0]}


def _order(n: int, size: int, generator) -> Tensor:
    """Return `size` rows out of n, each as often as the others or once more."""
    return torch.randperm(n, generator=generator).repeat(-(-size // n))[:size]


def _step(networks: Networks, cells: Cells, rows: Tensor, free: Tensor, settings, generators):
    """Update the discriminator, then generator and predictor; return the terms of the losses."""
    device, per = cells.target.device, networks.generator.cells
    rows, free = rows.to(device), free.to(device)
    target = cells.target.gather(1, rows)  # (R, B)
    real = taken(cells.ops, cells.adj, rows, per, networks.generator.n_ops)
    unlabelled = taken(cells.free_ops, cells.free_adj, free, per, networks.generator.n_ops)
    classes = membership(target, cells.bounds, "straight_through")  # of real and of generated cells
    z = latents(networks.generator, rows.shape[1], generators, device)
    added = networks.generator(z, classes)
    scores = noisy(networks.generator.logits(added), settings.noise, generators)
    made = networks.generator.draw(scores, settings)
    said = networks.predictor(joined([real, unlabelled, made.detach()]))
    on_real, on_free, on_made = said.chunk(3, dim=1)
    guessed = membership(on_free, cells.bounds, settings.relaxation)

    judge, ranks = networks.discriminator, torch.cat([classes, guessed.detach(), classes], dim=1)
    features = judge.features(joined([real, unlabelled, made.detach()]))
    d_real, d_free, d_made = judge.judge(features, ranks).chunk(3, dim=1)
    loss = -F.logsigmoid(d_real).mean(1) - settings.alpha * F.logsigmoid(-d_free).mean(1)
    loss = loss - (1 - settings.alpha) * F.logsigmoid(-d_made).mean(1)  # equations 6 and 7
    _update(networks, ["discriminator"], loss)

    # generator and predictor have not changed since: both learn from what they have just made
    d_free, d_made = judged(judge, joined([real, unlabelled, made]), guessed, classes)
    fit, fit_made = ((said - target).square() for said in (on_real, on_made))
    predictor = settings.alpha * fooled(d_free, settings.adversarial)
    predictor = predictor + fit.mean(1) + settings.alpha_generated * fit_made.mean(1)  # equations 8 and 9
    generator = (1 - settings.alpha) * fooled(d_made, settings.adversarial)  # equation 10
    generator = generator + settings.shrinkage * added.square().mean(dim=(1, 2))
    if settings.guidance:
        generator = generator + settings.guidance * _error_of(networks.predictor, made, target)
    _update(networks, ["predictor", "generator"], predictor + generator)
    terms = {"discriminator": loss, "predictor": predictor, "generator": generator, "fit": fit}
    return {name: term.detach().mean() for name, term in terms.items()}


def judged(judge: Discriminator, graphs: Graphs, guessed: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits of unlabelled and of generated cells, (R, B) each; the discriminator learns nothing.

    Batch normalisation mixes all cells of a step. So that each loss teaches the network that it is of, the
    gradients of the first are those of the guessed classes alone, of the second those of the cells.
    """
    judge.requires_grad_(False)
    _, free, made = judge.features(graphs).chunk(3, dim=1)
    found = judge.judge(free.detach(), guessed), judge.judge(made, classes)
    judge.requires_grad_(True)
    return found


def fooled(logits: Tensor, kind: str) -> Tensor:
    """Return the loss, (R,), of cells (R, B) that should be taken for real ones."""
    return (F.logsigmoid(-logits) if kind == "minimax" else -F.logsigmoid(logits)).mean(1)


def _error_of(predictor: Predictor, made: Graphs, target: Tensor) -> Tensor:
    """Return the predictor's mean squared error on generated cells, (R,), with gradients for these alone."""
    predictor.eval().requires_grad_(False)
    error = F.mse_loss(predictor(made), target, reduction="none").mean(1)
    predictor.train().requires_grad_(True)
    return error


def _update(networks: Networks, names: list[str], loss: Tensor) -> None:
    """Take a step; replicates are apart, so the gradient of the sum is each one's own."""
    for name in names:
        networks.optimisers[name].zero_grad(set_to_none=True)
    loss.sum().backward()
    for name in names:
        networks.optimisers[name].step()


def taken(ops: Tensor, adj: Tensor, rows: Tensor, cells: int, n_ops: int) -> Graphs:
    """Return the architectures `rows` (R, B) of each replicate as numbers."""
    graphs = (rows[:, :, None] * cells + torch.arange(cells, device=rows.device)).flatten(1)  # (R, B * cells)
    replicate = torch.arange(len(rows), device=rows.device)[:, None]
    return Graphs(F.one_hot(ops[replicate, graphs].long(), n_ops).float(), adj[replicate, graphs].float())


def latents(generator: Generator, n: int, generators, device) -> Tensor:
    """Draw z (R, n, made, V, 2 * latent), standard normal: z_A and z_X side by side."""
    size = (n, generator.made, generator.vertices, 2 * generator.latent_dim)
    return torch.stack([torch.randn(size, generator=g) for g in generators]).to(device)
