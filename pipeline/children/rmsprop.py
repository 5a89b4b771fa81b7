"""RMSProp as TensorFlow has it, which NAS-Bench-101's networks were trained with."""

from __future__ import annotations

import torch


class RMSPropTF(torch.optim.Optimizer):
    """RMSProp of TensorFlow 1 (`tf.train.RMSPropOptimizer`), with weight decay.

    For each number p with gradient g: g += weight_decay p; s = decay s + (1 - decay) g²;
    m = momentum m + lr g / sqrt(s + eps); p -= m.

    It differs from `torch.optim.RMSprop` in three ways: eps is under the root, s starts at 1 instead of 0,
    and m adds up steps that were already scaled by the learning rate of their time. Weight decay is the
    gradient of `weight_decay / 2 * |p|²`. Parameters without a gradient stay as they are.
    """

    def __init__(
        self,
        params,
        lr: float,
        momentum: float = 0.9,
        decay: float = 0.9,
        eps: float = 1.0,
        weight_decay: float = 0.0,
    ):
        defaults = {"lr": lr, "momentum": momentum, "decay": decay, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self) -> None:
        """Move all parameters by one step; a few operations over all of them at once."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            for p in params:
                if not self.state[p]:
                    self.state[p] |= {"square": torch.ones_like(p), "moment": torch.zeros_like(p)}
            squares, moments = ([self.state[p][key] for p in params] for key in ("square", "moment"))
            gradients = torch._foreach_add([p.grad for p in params], params, alpha=group["weight_decay"])
            torch._foreach_mul_(squares, group["decay"])
            torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["decay"])
            roots = torch._foreach_add(squares, group["eps"])
            torch._foreach_sqrt_(roots)
            torch._foreach_mul_(moments, group["momentum"])
            torch._foreach_addcdiv_(moments, gradients, roots, value=group["lr"])
            torch._foreach_sub_(params, moments)
