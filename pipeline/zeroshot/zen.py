"""Zen score: how much a network's last image moves with its input, batch norm's scaling undone."""

from __future__ import annotations

import math

import torch
from torch import nn

from pipeline.zeroshot.batch_norm import BatchNorm2d
from pipeline.zeroshot.metered import meter_layers
from pipeline.zeroshot.tensors import weight_names

STEP = 0.01  # of the second image, in deviations of the first
BATCH = 16  # Gaussian images, as in the authors' program


def zen_score(net: nn.Module, image_shape: tuple[int, int, int], generator: torch.Generator) -> float:
    """Return the Zen score (Lin et al. 2021, "Zen-NAS", algorithm 1) of one draw of weights and images.

    It is log(mean over images of |f(x) - f(x + 0.01 n)|_1) + sum over batch norms of log(deviation of their
    input, the root of its variance's mean over channels); f the image before global pooling, x and n
    standard normal. The network's weights become standard normal. A batch norm whose input is the same
    everywhere scales nothing and adds nothing. -inf if the last image does not depend on the input.
    """
    meter_layers(net)
    if hasattr(net, "compute_idle"):  # the metric's common implementation does not leave such layers out
        net.compute_idle()
    net.train()
    norms = [m for m in net.modules() if isinstance(m, BatchNorm2d)]
    for norm in norms:
        norm.variance = None
    device, layout = net.classifier.weight.device, torch.channels_last
    with torch.no_grad():
        weights = [net.get_parameter(name) for name in weight_names(net)]
        sizes = [weight.numel() for weight in weights]
        drawn = torch.randn(sum(sizes), generator=generator).to(device)
        for weight, values in zip(weights, drawn.split(sizes), strict=True):
            values = values.view(weight.shape)
            weight.data = values.contiguous(memory_format=layout) if values.dim() == 4 else values
        images = torch.randn((2, BATCH, *image_shape), generator=generator).to(device)
        first = net.feature_maps(images[0])
        variances = [norm.variance.mean() for norm in norms if norm.variance is not None]
        second = net.feature_maps(images[0] + STEP * images[1])
        moved = (first - second).abs().flatten(1).sum(1).mean().double()
        numbers = torch.stack([moved, *variances]).cpu().tolist()
    scaling = sum(0.5 * math.log(v) for v in numbers[1:] if v > 0 or math.isnan(v))
    return (math.log(numbers[0]) if numbers[0] else -math.inf) + scaling
