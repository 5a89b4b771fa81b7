"""Synflow: what every weight carries of a flow of ones through the network of absolute weights."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.zeroshot.metered import meter_layers
from pipeline.zeroshot.tensors import TensorScores, weight_names


def synflow_pass(net: nn.Module, image_shape: tuple[int, int, int]) -> TensorScores:
    """Return synflow of every weight: sum(dR/dt * t), R the sum of the outputs for one image of ones.

    The network is destroyed: its parameters become their absolute values in float64, and batch norm is left
    out, as in Abdelfattah et al. 2021 ("Zero-Cost Proxies for Lightweight NAS"): with it, R would depend
    on the data. Float64 holds R where float32 overflows (it grows about 0.8 sqrt(fan-in) times a layer);
    logarithms or scaling are left to the reader. A network whose output nothing reaches has 0 everywhere.
    """
    _leave_out_batch_norm(net)
    meter_layers(net)
    for parameter in net.parameters():
        parameter.data = parameter.detach().double().abs_()
    names = weight_names(net)
    weights = [net.get_parameter(name) for name in names]
    ones = torch.ones((1, *image_shape), dtype=torch.float64, device=weights[0].device)
    gradients = torch.autograd.grad(net(ones).sum(), weights, allow_unused=True, materialize_grads=True)
    flows = [(w.detach() * g).sum() for w, g in zip(weights, gradients, strict=True)]
    return TensorScores(names, {"synflow": torch.stack(flows).cpu().numpy()})


def _leave_out_batch_norm(net: nn.Module) -> None:
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
