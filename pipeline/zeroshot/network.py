"""All scores of one untrained network, and why some of them are missing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor, nn

from pipeline.randomness import torch_generator
from pipeline.zeroshot.codes import log_determinant
from pipeline.zeroshot.jacobian import epe_nas, jacob_cov
from pipeline.zeroshot.passes import FROM_IMAGES, OF_CODES, OF_JACOBIAN, OF_PARAMETERS, OF_WEIGHTS, image_pass
from pipeline.zeroshot.synflow import synflow_pass
from pipeline.zeroshot.tensors import TensorScores, weight_names
from pipeline.zeroshot.zen import zen_score

NO_GRADIENT = "all gradients are zero"
SAME_CODES = "some images have the same ReLU codes"
NO_JACOBIAN = "the gradient of some image is the same everywhere"
NO_MOVE = "the last image does not depend on the input"
NOT_FINITE = "not finite"


@dataclass
class NetworkScores:
    """Scores of one network. total: metric -> number, NaN where there is none.

    tensors: scores by parameter, for the metrics that operations have, too. why: metric -> why it is missing.
    """

    total: dict[str, float] = field(default_factory=dict)
    tensors: list[TensorScores] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)


def score_network(
    net: nn.Module, x: Tensor, labels: Tensor, metrics: Collection[str], stream: int
) -> NetworkScores:
    """Return the scores `metrics` (all that need a network) of `net`; its parameters are lost.

    x: images (B, C, H, W), normalised; labels: int64 (B,). stream: seed of zen's random numbers.
    """
    scores = NetworkScores()
    if "l2_norm" in metrics:
        _add(scores, net, l2_norms(net), ["l2_norm"])
    if set(metrics) & set(FROM_IMAGES):
        _score_images(scores, net, x, labels, metrics)
    if "zen" in metrics:
        kept = {parameter: parameter.data for parameter in net.parameters()}
        scores.total["zen"] = zen_score(net, tuple(x.shape[1:]), torch_generator(stream, "zen"))
        if scores.total["zen"] == -np.inf:
            scores.why["zen"] = NO_MOVE
        for parameter, data in kept.items():
            parameter.data = data
    if "synflow" in metrics:
        _add(scores, net, synflow_pass(net, tuple(x.shape[1:])), ["synflow"])
    for metric in metrics:
        rows = [t.values[metric] for t in scores.tensors if metric in t.values]
        if not (np.isfinite(scores.total[metric]) and all(np.isfinite(row).all() for row in rows)):
            scores.why.setdefault(metric, NOT_FINITE)
            scores.total[metric] = float("nan")
    return scores


def l2_norms(net: nn.Module) -> TensorScores:
    """Return l2_norm of every weight: root of the expected |t|_2^2, over all initialisations.

    What one draw has more or less is noise, but would decide the order of most cells: with fan-in scaling
    |t|_2 does not depend on the kernel's size, so that cells with as many convolutions have one norm, here to
    the last bit. PyTorch's layers start uniform of variance 1 / (3 fan-in); networks that start otherwise say
    how (`initial_precision`).
    """
    names, norms = weight_names(net), []
    own = getattr(net, "initial_precision", None)
    for name in names:
        layer = net.get_submodule(name.removesuffix(".weight"))
        precision = own(layer) if own else 3 * layer.weight[0].numel()
        norms.append((layer.weight.numel() / precision) ** 0.5)
    return TensorScores(names, {"l2_norm": np.array(norms)})


def _score_images(scores: NetworkScores, net, x, labels, metrics: Collection[str]) -> None:
    found = image_pass(net, x, labels, metrics)
    if found.parameters is not None:
        of_gradient = [m for m in (*OF_PARAMETERS, *OF_WEIGHTS) if m in metrics]
        _add(scores, net, found.parameters, [m for m in OF_PARAMETERS if m in metrics])
        if found.weights is not None:
            _add(scores, net, found.weights, list(found.weights.values))
        weights = np.isin(found.parameters.names, weight_names(net))
        if not found.parameters.values["grad_norm"][weights].any():
            for metric in of_gradient:
                _lose(scores, metric, NO_GRADIENT)
    for metric in OF_CODES:
        if metric in metrics:
            scores.total[metric] = log_determinant(found.kernels[metric])
            if np.isnan(scores.total[metric]):
                scores.why[metric] = SAME_CODES
    for metric in OF_JACOBIAN:
        if metric in metrics:
            r = found.correlation
            scores.total[metric] = (
                jacob_cov(r)
                if metric == "jacob_cov"
                else epe_nas(r, labels.cpu().numpy(), net.classifier.out_features)
            )
            if np.isnan(scores.total[metric]):
                scores.why[metric] = NO_JACOBIAN


def _add(scores: NetworkScores, net: nn.Module, table: TensorScores, metrics: list[str]) -> None:
    """Take `metrics` of a table; the network's score is the sum over its weights."""
    if not metrics:
        return
    weights = np.isin(table.names, weight_names(net))
    scores.tensors.append(TensorScores(table.names, {m: table.values[m] for m in metrics}))
    scores.total |= {m: float(table.values[m][weights].sum()) for m in metrics}


def _lose(scores: NetworkScores, metric: str, why: str) -> None:
    scores.total[metric], scores.why[metric] = float("nan"), why
    for table in scores.tensors:
        if metric in table.values:
            table.values[metric] = np.full(len(table.names), np.nan)
