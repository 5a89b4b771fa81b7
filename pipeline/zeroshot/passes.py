"""One forward pass of images through an untrained network, the passes back through it, and what they tell.

- forward: the codes of the ReLUs (nwot, relu_logdet);
- back from the loss to all parameters: grad_norm, plain, snip, fisher;
- back from the sum of the logits to the images: jacob_cov, epe_nas;
- back from the gradient to all weights, along the gradient: grasp.

Batch norm uses the batch's own statistics (training mode), as an untrained network has no others.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.zeroshot.codes import watched
from pipeline.zeroshot.jacobian import correlations
from pipeline.zeroshot.metered import JACOBIAN, PRODUCT, Meter, channel_fisher, meter_layers
from pipeline.zeroshot.tensors import TensorScores, weight_names

OF_PARAMETERS = ("grad_norm", "plain", "snip")
OF_WEIGHTS = ("fisher", "grasp")
OF_CODES = ("nwot", "relu_logdet")
OF_JACOBIAN = ("jacob_cov", "epe_nas")
FROM_IMAGES = (*OF_PARAMETERS, *OF_WEIGHTS, *OF_CODES, *OF_JACOBIAN)


@dataclass(frozen=True)
class ImagePass:
    """What was asked for of one batch of B images; None what was not.

    parameters: grad_norm, plain and snip of every parameter. weights: fisher and grasp of every weight.
    kernels: nwot and relu_logdet -> kernel of the ReLU codes, float64 (B, B); nwot's has ReLUs that cannot
    reach the output as well. correlation: of the images' gradients, float64 (B, B).
    """

    parameters: TensorScores | None
    weights: TensorScores | None
    kernels: dict[str, np.ndarray] | None
    correlation: np.ndarray | None


def image_pass(net: nn.Module, images: Tensor, labels: Tensor, metrics: Collection[str]) -> ImagePass:
    """Return what the image metrics among `metrics` need. The network's layers become metered ones.

    images: (B, C, H, W), normalised; labels: int64 (B,); the loss is the mean cross-entropy.
    grad_norm = |dL/dt|_2, plain = sum(dL/dt * t), snip = |dL/dt * t|_1 (GATES++, equation 11).
    fisher = fan-in times the sum over output channels of half the mean over images of (sum over pixels of
    y dL/dy)^2, y the layer's output; grasp = -sum(t * (H dL/dt)), H the Hessian of L by all weights (both as
    Abdelfattah et al. 2021 add them up).
    """
    wanted = set(metrics)
    grasp, jacobian = "grasp" in wanted, bool(wanted & set(OF_JACOBIAN))
    labelled = bool(wanted & {*OF_PARAMETERS, *OF_WEIGHTS})
    net.train()
    meter = meter_layers(net, "fisher" in wanted, grasp)
    x = images.detach().requires_grad_(grasp or jacobian)
    with torch.set_grad_enabled(labelled or jacobian), watched(net, x, wanted & set(OF_CODES)) as kernels:
        logits = net(x)
    parameters = weights = correlation = None
    if labelled:
        named = dict(net.named_parameters())
        loss = nn.functional.cross_entropy(logits, labels)
        # an operation whose output goes nowhere has no gradient
        gradients = torch.autograd.grad(
            loss,
            list(named.values()),
            create_graph=grasp,
            retain_graph=grasp or jacobian,
            allow_unused=True,
            materialize_grads=True,
        )
        gradients = dict(zip(named, gradients, strict=True))
        parameters = _saliencies(named, gradients)
    if jacobian:
        meter.stage = JACOBIAN
        (of_images,) = torch.autograd.grad(
            logits.sum(), x, retain_graph=grasp, allow_unused=True, materialize_grads=True
        )
        correlation = correlations(of_images)
    if wanted & set(OF_WEIGHTS):
        values = {}
        if grasp:
            values["grasp"] = _grasp(net, meter, x, gradients)
        if "fisher" in wanted:
            values["fisher"] = _fisher(net, meter, logits.detach(), labels)
        weights = _of_weights(net, values)
    return ImagePass(parameters, weights, kernels or None, correlation)


def _saliencies(parameters: dict[str, Tensor], gradients: dict[str, Tensor]) -> TensorScores:
    """Reduce every tensor's gradients and elements in float64."""
    norms, sums, absolute = [], [], []
    for name, parameter in parameters.items():
        gradient = gradients[name].detach().double()
        product = gradient * parameter.detach()
        norms.append(torch.linalg.vector_norm(gradient))
        sums.append(product.sum())
        absolute.append(product.abs_().sum())
    found = torch.stack([torch.stack(values) for values in (norms, sums, absolute)]).cpu().numpy()
    return TensorScores(list(parameters), dict(zip(OF_PARAMETERS, found, strict=True)))


def _grasp(net: nn.Module, meter: Meter, x: Tensor, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return name of a weight -> -sum(t * (H dL/dt)), a scalar; none of weights without gradient.

    The pass goes all the way to the images, so that it comes by every convolution; linear layers' weights
    are asked for as such.
    """
    meter.stage = PRODUCT
    outputs = [gradients[name] for name in weight_names(net) if gradients[name].requires_grad]
    if not outputs:
        return {}
    linear = {f"{name}.weight": m.weight for name, m in net.named_modules() if isinstance(m, nn.Linear)}
    _, *products = torch.autograd.grad(
        outputs,
        [x, *linear.values()],
        grad_outputs=[gradient.detach() for gradient in outputs],
        allow_unused=True,
        materialize_grads=True,
    )
    of_linear = {
        name: (linear[name].detach() * product).sum() for name, product in zip(linear, products, strict=True)
    }
    return {name: -value for name, value in (meter.product | of_linear).items()}


def _fisher(net: nn.Module, meter: Meter, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return name of a weight -> fisher, a scalar; none of layers without gradient."""
    of_logits = (torch.softmax(logits, 1) - nn.functional.one_hot(labels, logits.shape[1])) / len(logits)
    last = net.classifier
    return meter.fisher | {"classifier.weight": channel_fisher(logits, of_logits) * last.in_features}


def _of_weights(net: nn.Module, values: dict[str, dict[str, Tensor]]) -> TensorScores:
    """Put the scalars of every metric in the order of the weights, 0 where there is none."""
    names = weight_names(net)
    zero = torch.zeros((), device=net.classifier.weight.device)
    rows = [torch.stack([of.get(name, zero) for name in names]).double() for of in values.values()]
    return TensorScores(names, dict(zip(values, torch.stack(rows).cpu().numpy(), strict=True)))
