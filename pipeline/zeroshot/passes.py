"""Forward and backward passes through an untrained network, and what each of its parameters scores.

A "parameter" is one tensor of the network (a convolution's weight, a batch norm's scale, …): equation 11
of GATES++ (Ning et al., TPAMI 2023, section 5.1) takes norms and sums over its elements.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

MOST_UNITS = 2**20  # ReLUs whose codes are multiplied at once; float32 counts exactly up to 2**24


@dataclass(frozen=True)
class TensorScores:
    """Scores by parameter. names: of P parameters; values: metric -> float64 (P,)."""

    names: list[str]
    values: dict[str, np.ndarray]


def gradient_pass(
    net: nn.Module, images: Tensor, labels: Tensor, relu_layers: Iterable[nn.Module] = ()
) -> tuple[TensorScores, np.ndarray]:
    """Return grad_norm, plain and snip of every parameter, and the kernel of the ReLU codes, from one pass.

    images: (B, C, H, W), normalised; labels: int64 (B,); the loss is the mean cross-entropy. Batch norm
    uses the batch's own statistics (training mode), as an untrained network has no others.
    grad_norm = |dL/dt|_2, plain = sum(dL/dt * t), snip = |dL/dt * t|_1 (GATES++, equation 11).
    relu_layers: modules whose output is a ReLU's; the kernel is K_H of equation 12, float64 (B, B),
    N_A - d_H(c_i, c_j), zeros without such layers.
    """
    net.train()
    kernel = _Codes(len(images), images.device)
    handles = [layer.register_forward_hook(kernel) for layer in relu_layers]
    loss = nn.functional.cross_entropy(net(images), labels)
    for handle in handles:
        handle.remove()
    names, parameters = _named(net)
    # an operation whose output goes nowhere has no gradient
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return TensorScores(names, _saliencies(parameters, gradients)), kernel.matrix()


def synflow_pass(net: nn.Module, image_shape: tuple[int, int, int]) -> TensorScores:
    """Return synflow of every parameter: sum(dR/dt * t), R the sum of the outputs for one image of ones.

    The network is destroyed: its parameters become their absolute values in float64, and batch norm is left
    out, as in Abdelfattah et al. 2021 ("Zero-Cost Proxies for Lightweight NAS"): with it, R would depend
    on the data. What is left out takes no part in R and is not among the names. Float64 holds R where float32
    overflows (it grows about 0.8 sqrt(fan-in) times a layer); logarithms or scaling are left to the reader.
    """
    _leave_out_batch_norm(net)
    names, parameters = _named(net)
    for parameter in parameters:
        parameter.data = parameter.detach().double().abs_()
    ones = torch.ones((1, *image_shape), dtype=torch.float64, device=parameters[0].device)
    gradients = torch.autograd.grad(net(ones).sum(), parameters, allow_unused=True, materialize_grads=True)
    return TensorScores(names, {"synflow": _saliencies(parameters, gradients)["plain"]})


def relu_logdet(kernel: np.ndarray) -> float:
    """Return log |K_H| (GATES++, equation 12; Mellor et al. 2021) of a kernel of ReLU codes, float64 (B, B).

    K_H is a sum of two Gram matrices, so its eigenvalues are not negative. Their logarithms are added after
    division by N_A, which keeps all numbers near one however many units there are. NaN if K_H is singular
    to float64: then some images' codes coincide (or there are no units at all).
    """
    units = kernel[0, 0]
    if units <= 0:
        return float("nan")
    # torch's, not NumPy's: it keeps to the job's number of threads
    eigenvalues = torch.linalg.eigvalsh(torch.from_numpy(kernel / units)).numpy()
    if eigenvalues[0] <= len(kernel) * np.finfo(np.float64).eps * eigenvalues[-1]:
        return float("nan")
    return float(len(kernel) * np.log(units) + np.log(eigenvalues).sum())


class _Codes:
    """Forward hook that adds up the Gram matrix of binary codes over layers, exactly."""

    def __init__(self, batch: int, device):
        self.gram = torch.zeros((batch, batch), dtype=torch.float64, device=device)
        self.units = 0
        self.waiting: list[Tensor] = []  # (B, units) each
        self.waiting_units = 0

    def __call__(self, module: nn.Module, inputs, output: Tensor) -> None:
        output = output.detach().movedim(1, -1).flatten(1)  # a view of a channels-last tensor
        for part in output.split(MOST_UNITS, dim=1):
            self.waiting.append(part)
            self.waiting_units += part.shape[1]
            if self.waiting_units >= MOST_UNITS:
                self._add()

    def _add(self) -> None:
        if self.waiting:
            on = (torch.cat(self.waiting, dim=1) > 0).to(torch.float32)
            self.gram += on @ on.T
        self.units += self.waiting_units
        self.waiting, self.waiting_units = [], 0

    def matrix(self) -> np.ndarray:
        self._add()
        both_on = self.gram.cpu().numpy()
        on = both_on.diagonal()
        return self.units - on[:, None] - on[None, :] + 2.0 * both_on  # N_A - Hamming distance


def _named(net: nn.Module) -> tuple[list[str], list[nn.Parameter]]:
    names, parameters = zip(*net.named_parameters(), strict=True)
    return list(names), list(parameters)


def _saliencies(parameters, gradients) -> dict[str, np.ndarray]:
    """Reduce every tensor's gradients and elements in float64, all tensors at once."""
    starts = np.cumsum([0, *(p.numel() for p in parameters[:-1])])
    flat = torch.cat([p.detach().reshape(-1) for p in parameters]).double().cpu().numpy()
    gradient = torch.cat([g.reshape(-1) for g in gradients]).double().cpu().numpy()
    product = gradient * flat
    return {
        "grad_norm": np.sqrt(np.add.reduceat(gradient**2, starts)),
        "plain": np.add.reduceat(product, starts),
        "snip": np.add.reduceat(np.abs(product), starts),
    }


def _leave_out_batch_norm(net: nn.Module) -> None:
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
