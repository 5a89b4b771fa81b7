"""What the ReLUs of a network tell images apart by: nwot and relu_logdet (Mellor et al. 2021)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

MOST_UNITS = 2**14  # ReLUs whose codes are multiplied at once: what fits the cache; at most 2**24 are exact


class Codes:
    """Adds up the kernel of the binary codes of ReLUs over layers, exactly.

    Several ReLUs of one tensor (a node's image that goes into several convolutions) are counted as often, but
    looked at once.
    """

    def __init__(self, batch: int, device):
        self.gram = torch.zeros((batch, batch), dtype=torch.float64, device=device)
        self.units = 0
        self.waiting: list[Tensor] = []  # (B, units) each
        self.waiting_units = 0
        self.shared: dict[int, list] = {}  # id of a tensor -> [the tensor, what ReLU makes of it, how often]

    def watch(self, layers: Iterable[nn.Module]) -> list:
        """Count what `layers` put out from now on; return the handles that end it."""
        return [layer.register_forward_hook(self._hook) for layer in layers]

    def _hook(self, module: nn.Module, inputs, output: Tensor) -> None:
        source = inputs[0] if isinstance(module, nn.ReLU) else output
        self.shared.setdefault(id(source), [source, output.detach(), 0])[2] += 1

    def add(self, output: Tensor, times: int = 1) -> None:
        """Count the units of a rectified tensor (B, C, H, W), `times` times."""
        output = output.movedim(1, -1).flatten(1)  # a view of a channels-last tensor
        for part in output.split(MOST_UNITS, dim=1):
            if times == 1:
                self.waiting.append(part)
                self.waiting_units += part.shape[1]
                if self.waiting_units >= MOST_UNITS:
                    self._multiply()
            else:
                self._multiply(part, times)

    def _multiply(self, part: Tensor | None = None, times: int = 1) -> None:
        """Add the Gram matrix of `part`, or of what waits."""
        if part is None:
            if not self.waiting:
                return
            part = torch.cat(self.waiting, dim=1) if len(self.waiting) > 1 else self.waiting[0]
            self.waiting, self.waiting_units = [], 0
        on = part.sign()
        self.gram += (on @ on.T).double() * times
        self.units += on.shape[1] * times

    def kernel(self) -> Tensor:
        """Return K_H of GATES++, equation 12: N_A - Hamming distance of the codes, float64 (B, B)."""
        for _, output, times in self.shared.values():
            self.add(output, times)
        self.shared = {}
        self._multiply()
        on = self.gram.diagonal()
        return self.units - on[:, None] - on[None, :] + 2.0 * self.gram


@contextmanager
def watched(net: nn.Module, images: Tensor, metrics: Collection[str]) -> Iterator[dict[str, np.ndarray]]:
    """Watch the ReLUs of `net` while it sees `images` (B, …); then yield's dict has metric -> kernel (B, B).

    metrics: "nwot", "relu_logdet", both or none. nwot counts all ReLUs, as the metric's common implementation
    does: where a space's networks leave out what cannot reach the output (`compute_idle`), it is computed.
    """
    kernels: dict[str, np.ndarray] = {}
    layers = net.rectified() if metrics else []
    idle = []
    if "nwot" in metrics and hasattr(net, "compute_idle"):
        net.compute_idle()
        idle = [layer for layer in net.rectified() if layer not in set(layers)]
    parts = [Codes(len(images), images.device) for _ in range(2)]
    handles = [*parts[0].watch(layers), *parts[1].watch(idle)]
    yield kernels
    for handle in handles:
        handle.remove()
    if metrics:
        used, unused = (part.kernel().cpu().numpy() for part in parts)
        kernels |= {"nwot": used + unused, "relu_logdet": used}


def log_determinant(kernel: np.ndarray) -> float:
    """Return log |K_H| of a kernel of ReLU codes, float64 (B, B).

    K_H is a sum of two Gram matrices, so its eigenvalues are not negative. Their logarithms are added after
    division by N_A, which keeps all numbers near one however many units there are. NaN if K_H is singular
    to float64: then some images' codes coincide (or there are no units at all).
    """
    units = kernel[0, 0]
    if not units > 0:
        return float("nan")
    # torch's, not NumPy's: it keeps to the job's number of threads
    eigenvalues = torch.linalg.eigvalsh(torch.from_numpy(kernel / units)).numpy()
    if not eigenvalues[0] > len(kernel) * np.finfo(np.float64).eps * eigenvalues[-1]:
        return float("nan")
    return float(len(kernel) * np.log(units) + np.log(eigenvalues).sum())
