"""Every zero-shot metric by its definition and by passes of its own, with PyTorch's layers alone.

Slow and plain on purpose: what the shared passes are compared with, in tests and in `perf/zeroshot.py`.
A function takes a new network, images (B, C, H, W) and labels (B,), and returns the metric's number.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def weights_of(net):
    return {
        f"{name}.weight": module.weight
        for name, module in net.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    }


def gradients(net, x, y, create_graph=False):
    net.train()
    weights = weights_of(net)
    loss = F.cross_entropy(net(x), y)
    found = torch.autograd.grad(loss, list(weights.values()), create_graph=create_graph, allow_unused=True)
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient
        for (name, weight), gradient in zip(weights.items(), found, strict=True)
    }


def by_weight(net, x, y, measure):
    found, weights = gradients(net, x, y), weights_of(net)
    return {name: float(measure(weights[name].detach(), found[name])) for name in weights}


def grad_norm(net, x, y):
    return by_weight(net, x, y, lambda t, g: g.norm())


def plain(net, x, y):
    return by_weight(net, x, y, lambda t, g: (t * g).sum())


def snip(net, x, y):
    return by_weight(net, x, y, lambda t, g: (t * g).abs().sum())


def l2_norm(net, x, y):
    return {name: float(weight.detach().norm()) for name, weight in weights_of(net).items()}


def fisher(net, x, y):
    net.train()
    outputs = {}

    def keep(name):
        return lambda module, inputs, output: outputs.update({name: output})

    layers = {f"{n}.weight": m for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))}
    handles = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    loss = F.cross_entropy(net(x), y)
    for handle in handles:
        handle.remove()
    found = torch.autograd.grad(loss, list(outputs.values()), allow_unused=True)
    scores = dict.fromkeys(layers, 0.0)
    for (name, output), gradient in zip(outputs.items(), found, strict=True):
        if gradient is not None:
            per_channel = (output * gradient).reshape(*output.shape[:2], -1).sum(2).pow(2).mean(0) / 2
            scores[name] = float(per_channel.detach().sum() * layers[name].weight[0].numel())
    return scores


def grasp(net, x, y):
    direction = gradients(net, x, y)
    again, weights = gradients(net, x, y, create_graph=True), weights_of(net)
    inner = sum((direction[name].detach() * g).sum() for name, g in again.items())
    products = torch.autograd.grad(inner, list(weights.values()), allow_unused=True)
    return {
        name: 0.0 if product is None else -float((weight.detach() * product).sum())
        for (name, weight), product in zip(weights.items(), products, strict=True)
    }


def image_gradients(net, x):
    net.train()
    x = x.clone().requires_grad_(True)
    net(x).sum().backward()
    return x.grad.reshape(len(x), -1).double().numpy()


def jacob_cov(net, x, y):
    v = np.linalg.eigvalsh(np.corrcoef(image_gradients(net, x))) + 1e-5
    return -(np.log(v) + 1 / v).sum()


def epe_nas(net, x, y):
    rows = image_gradients(net, x)
    classes = [rows[(y == label).numpy()] for label in y.unique()]
    return sum(abs(np.log(np.abs(np.corrcoef(c)) + 1e-5).sum()) for c in classes)


def code_kernel(net, x, layers):
    net.train()
    codes = []
    handles = [
        layer.register_forward_hook(lambda m, i, output: codes.append((output > 0).flatten(1).clone()))
        for layer in layers
    ]
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    on = torch.cat(codes, 1).float()
    return (on @ on.T + (1 - on) @ (1 - on).T).double().numpy()


def relu_logdet(net, x, y):
    return np.linalg.slogdet(code_kernel(net, x, net.rectified()))[1]


def nwot(net, x, y):
    if hasattr(net, "compute_idle"):
        net.compute_idle()
    return relu_logdet(net, x, y)


def zen(net, x, y, batch=16, generator=None):
    net.train()
    if hasattr(net, "compute_idle"):
        net.compute_idle()
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    variances = {}

    def keep(module, inputs):
        variances.setdefault(module, inputs[0].var(dim=(0, 2, 3), correction=0).mean())

    handles = [norm.register_forward_pre_hook(keep) for norm in norms]
    with torch.no_grad():
        weights = list(weights_of(net).values())
        drawn = torch.randn(sum(weight.numel() for weight in weights), generator=generator)
        for weight in weights:
            weight.copy_(drawn[: weight.numel()].view(weight.shape))
            drawn = drawn[weight.numel() :]
        one, other = torch.randn((2, batch, *x.shape[1:]), generator=generator)
        moved = net.feature_maps(one) - net.feature_maps(one + 0.01 * other)
    for handle in handles:
        handle.remove()
    scaling = sum(float(v.sqrt().log()) for v in variances.values() if v > 0)
    return float(moved.abs().flatten(1).sum(1).mean().log()) + scaling


def synflow(net, x, y):
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    net.double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    net(torch.ones(1, *x.shape[1:], dtype=torch.float64)).sum().backward()
    return {
        name: 0.0 if weight.grad is None else float((weight * weight.grad).detach().abs().sum())
        for name, weight in weights_of(net).items()
    }


BY_WEIGHT = {f.__name__: f for f in (grad_norm, plain, snip, l2_norm, fisher, grasp, synflow)}
OF_NETWORK = {f.__name__: f for f in (jacob_cov, epe_nas, nwot, relu_logdet, zen)}
