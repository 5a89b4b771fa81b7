"""Layers that are differentiated twice in little time, and meter what flows through them.

PyTorch's second derivatives of convolution, batch norm and average pooling take ten times as long as the
first. Here a layer's backward pass is itself a differentiable function with kernels of the forward pass;
average pooling is a depthwise convolution, batch norm is `batch_norm`'s.

On the way convolutions meter, tensor by tensor, what `passes` needs and a weight's gradient does not tell:
- first pass back (dL/dy of an output y): Fisher information of the channels of y;
- pass back through the gradient (GraSP): w (H v) of a weight w, H the Hessian, v any direction. It is the sum
  of two products of images, <conv(v_x, w), dL/dy> and <y, v_y>, v_x and v_y being what that pass brings to
  the gradient of the layer's input and to its output: no gradient of a weight is computed a second time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.children.pixel_groups import channels_last
from pipeline.zeroshot.batch_norm import BatchNorm2d

GRADIENT, JACOBIAN, PRODUCT = "gradient", "jacobian", "product"  # the passes back
convolution_backward = torch.ops.aten.convolution_backward


class Meter:
    """What the convolutions of one network met.

    stage: the pass that is going on. fisher, product: name of a weight -> scalars that add up to its Fisher
    information and to w (H v).
    """

    def __init__(self, fisher: bool, product: bool):
        self.stage = GRADIENT
        self.keeps_outputs = fisher or product
        self.fisher: dict[str, Tensor] | None = {} if fisher else None
        self.product: dict[str, Tensor] = {}

    def meet(self, name: str, one: Tensor, other: Tensor) -> None:
        """Add the inner product of two tensors (B, C, H, W) to a weight's w (H v)."""
        value = torch.dot(_flat(one), _flat(other))
        self.product[name] = self.product[name] + value if name in self.product else value


def meter_layers(net: nn.Module, fisher: bool = False, product: bool = False) -> Meter:
    """Let `net` compute with this module's layers; return the meter that they share.

    fisher, product: whether these will be asked for. If so, no convolution's output may be changed in place.
    """
    meter = Meter(fisher, product)
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            module.__class__ = MeteredConv2d
            module.meter, module.name = meter, f"{name}.weight"
        elif type(module) is nn.BatchNorm2d:
            module.__class__ = BatchNorm2d
        elif type(module) is nn.AvgPool2d and (module.kernel_size, module.stride, module.padding) == (
            3,
            1,
            1,
        ):
            module.__class__ = AvgPool2d
    return meter


class MeteredConv2d(nn.Conv2d):
    """Convolution without bias: (B, c_in, H, W) -> (B, c_out, H', W')."""

    def forward(self, x: Tensor) -> Tensor:
        return _Conv.apply(x, self.weight, self)

    def of(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the convolution of x with `weight` in place of its own."""
        return F.conv2d(x, weight, None, self.stride, self.padding, self.dilation, self.groups)

    def back(self, gradient: Tensor, x: Tensor, weight: Tensor, to_input: bool) -> Tensor:
        """Return the gradient of x (of which the shape matters) or of `weight` (likewise)."""
        shape = list(self.stride), list(self.padding), list(self.dilation), False, [0, 0], self.groups
        wanted = [to_input, not to_input, False]
        return convolution_backward(gradient, x, weight, None, *shape, wanted)[0 if to_input else 1]


class _Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, layer):
        y = layer.of(x, weight)
        ctx.layer = layer
        ctx.save_for_backward(x, weight, y if layer.meter.keeps_outputs else None)
        return y

    @staticmethod
    def backward(ctx, gradient):
        x, weight, y = ctx.saved_tensors
        layer, meter = ctx.layer, ctx.layer.meter
        gradient = channels_last(gradient)
        if meter.stage != GRADIENT:
            if meter.stage == PRODUCT:
                meter.meet(layer.name, y, gradient)
            return layer.back(gradient, x, weight, True) if ctx.needs_input_grad[0] else None, None, None
        if meter.fisher is not None:
            meter.fisher[layer.name] = channel_fisher(y.detach(), gradient.detach()) * weight[0].numel()
        to_input = ctx.needs_input_grad[0] and not x.is_leaf  # images need no gradient in this pass
        of_x = _OfInput.apply(gradient, weight, x.detach(), layer) if to_input else None
        of_weight = _OfWeight.apply(gradient, x, weight.detach(), layer)
        return of_x, of_weight if ctx.needs_input_grad[1] else None, None


class _OfInput(torch.autograd.Function):
    """Gradient of a convolution's input, of the output's gradient and the weight."""

    @staticmethod
    def forward(ctx, gradient, weight, x, layer):
        ctx.layer = layer
        ctx.save_for_backward(gradient, weight)
        return layer.back(gradient, x, weight, True)

    @staticmethod
    def backward(ctx, direction):
        gradient, weight = ctx.saved_tensors
        of_gradient = ctx.layer.of(channels_last(direction), weight)
        ctx.layer.meter.meet(ctx.layer.name, of_gradient, gradient)
        return of_gradient, None, None, None


class _OfWeight(torch.autograd.Function):
    """Gradient of a convolution's weight, of the output's gradient and the input."""

    @staticmethod
    def forward(ctx, gradient, x, weight, layer):
        ctx.layer = layer
        ctx.save_for_backward(gradient, x)
        return layer.back(gradient, x, weight, False)

    @staticmethod
    def backward(ctx, direction):
        gradient, x = ctx.saved_tensors
        of_x = ctx.layer.back(gradient, x, direction, True) if ctx.needs_input_grad[1] else None
        return ctx.layer.of(x, direction), of_x, None, None


class AvgPool2d(nn.AvgPool2d):
    """3x3 average pooling that leaves padding out, as a depthwise convolution: (B, C, H, W) -> the same."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32:  # depthwise convolution has fast kernels for this type alone
            return super().forward(x)
        share = torch.ones((1, 1, *x.shape[2:]), dtype=x.dtype, device=x.device)
        share = 1 / F.conv2d(share, share.new_ones((1, 1, 3, 3)), padding=1)  # 1 / pixels of the image
        return _BoxSum.apply(x) * share


class _BoxSum(torch.autograd.Function):
    """Sum over 3x3 neighbours; linear and its own transpose."""

    @staticmethod
    def forward(ctx, x):
        x = channels_last(x)
        box = torch.ones((x.shape[1], 1, 3, 3), dtype=x.dtype, device=x.device)
        return F.conv2d(x, box, padding=1, groups=x.shape[1])

    @staticmethod
    def backward(ctx, gradient):
        return _BoxSum.apply(gradient)


def channel_fisher(y: Tensor, gradient: Tensor) -> Tensor:
    """Return the sum over channels of half the mean over images of (sum over pixels of y dL/dy)^2, a scalar.

    y, gradient: (B, C, …).
    """
    product = (y * gradient).flatten(2).sum(2) if y.dim() > 2 else y * gradient  # (B, C)
    return product.square().sum() / (2 * len(y))


def _flat(x: Tensor) -> Tensor:
    return channels_last(x).permute(0, 2, 3, 1).reshape(-1)
