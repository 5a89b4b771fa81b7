"""Layers that are differentiated twice in little time, and meter what flows through them.

PyTorch's second derivatives of convolution, batch norm and average pooling take ten times as long as the
first. Here a layer's backward pass is itself a differentiable function with kernels of the forward pass;
average pooling is a depthwise convolution, batch norm looks at several pixels as one (`narrow_layers`).

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

from pipeline.children.narrow_layers import WIDE

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
        gradient = _channels_last(gradient)
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
        of_gradient = ctx.layer.of(_channels_last(direction), weight)
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


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm by the batch's statistics: (B, C, H, W) -> the same. Keeps its input's `variance`, (C,)."""

    def forward(self, x: Tensor) -> Tensor:
        x = _channels_last(x)
        with torch.no_grad():
            wide, group = _wide(x)
            means, variances = (part.view(group, -1).double() for part in _moments(wide))
            mean = means.mean(0)
            self.variance = variances.mean(0) + (means - mean).square_().mean(0)
            scale = (self.variance + self.eps).rsqrt_()
        return _BatchNorm.apply(x, self.weight, self.bias, mean, scale)


class _BatchNorm(torch.autograd.Function):
    """With M pixels (B H W), x^ = scale (x - mean): y = weight x^ + bias."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, scale):
        ctx.save_for_backward(x, weight, mean, scale)
        factor = weight.double() * scale
        return _combined(x, (factor, x), constant=bias.double() - factor * mean)

    @staticmethod
    def backward(ctx, gradient):
        return *_OfBatchNorm.apply(_channels_last(gradient), *ctx.saved_tensors), None, None


class _OfBatchNorm(torch.autograd.Function):
    """Gradients of batch norm's input, weight and bias; only the input's is differentiated again.

    of_x = weight scale (g - mean(g) - x^ mean(g x^)), g the gradient of the output.
    """

    @staticmethod
    def forward(ctx, gradient, x, weight, mean, scale):
        ctx.set_materialize_grads(False)
        pixels = x.numel() // x.shape[1]
        total, along = _sums(gradient, x, mean, scale)
        ctx.save_for_backward(gradient, x, weight, mean, scale, total / pixels, along / pixels)
        of_x = _centred(gradient, x, weight.double() * scale, mean, scale, total / pixels, along / pixels)
        of_weight, of_bias = along.to(x.dtype), total.to(x.dtype)
        ctx.mark_non_differentiable(of_weight, of_bias)
        return of_x, of_weight, of_bias

    @staticmethod
    def backward(ctx, v, *_):
        gradient, x, weight, mean, scale, g_mean, g_along = ctx.saved_tensors
        if v is None:
            return None, None, None, None, None
        v = _channels_last(v)
        factor, pixels = weight.double() * scale, x.numel() // x.shape[1]
        v_mean, v_along = (part / pixels for part in _sums(v, x, mean, scale))
        of_gradient = _centred(v, x, factor, mean, scale, v_mean, v_along)
        if not ctx.needs_input_grad[1]:
            return of_gradient, None, None, None, None
        # of_x of the gradient, times -1 / (weight scale^2): v_along g' + g_along v' + covariance x^,
        # where g' = g - mean(g) - g_along x^, and v' likewise
        covariance = _mean_product(v, gradient) - v_mean * g_mean - v_along * g_along
        slope = (covariance - 2 * v_along * g_along) * scale
        constant = -(v_along * g_mean + g_along * v_mean) - slope * mean
        factor = -factor * scale
        terms = (factor * v_along, gradient), (factor * g_along, v), (factor * slope, x)
        return of_gradient, _combined(x, *terms, constant=factor * constant), None, None, None


def _centred(g, x, factor, mean, scale, g_mean, g_along) -> Tensor:
    """Return factor (g - g_mean - x^ g_along), with float64 (C,) coefficients."""
    slope = -factor * scale * g_along
    return _combined(x, (factor, g), (slope, x), constant=-factor * g_mean - slope * mean)


def _combined(like: Tensor, *terms: tuple[Tensor, Tensor], constant: Tensor) -> Tensor:
    """Return the sum of coefficient (C,) times tensor (B, C, H, W) over terms, and of `constant` (C,)."""
    result = torch.empty_like(like)
    target, group = _wide(result)
    coefficient, tensor = terms[0]
    torch.addcmul(
        _tiled(constant, group, like), _wide(tensor)[0], _tiled(coefficient, group, like), out=target
    )
    for coefficient, tensor in terms[1:]:
        target.addcmul_(_wide(tensor)[0], _tiled(coefficient, group, like))
    return result


def _sums(g: Tensor, x: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums of g and of g x^ by channel, float64 (C,)."""
    (wide, group), other = _wide(x), _wide(g)[0]
    if x.device.type != "cpu":
        total, product = other.sum(0), (other * (wide - _tiled(mean, group, x))).sum(0)
        return _folded(total, group), _folded(product, group) * scale
    statistics = _tiled(mean, group, x), _tiled(scale, group, x)
    _, along, total = torch.ops.aten.native_batch_norm_backward(
        other, wide, None, None, None, *statistics, True, 0.0, [False, True, True]
    )
    return _folded(total, group), _folded(along, group)


def _mean_product(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean of the product by channel, float64 (C,)."""
    wide, group = _wide(one)
    return _folded((wide * _wide(other)[0]).sum(0), group) * (one.shape[1] / one.numel())


def _moments(wide: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and (biased) variance of each column."""
    if wide.device.type == "cpu":
        return torch.batch_norm_update_stats(wide, None, None, 0.0)
    variance, mean = torch.var_mean(wide, 0, correction=0)
    return mean, variance


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
        x = _channels_last(x)
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


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _flat(x: Tensor) -> Tensor:
    return _channels_last(x).permute(0, 2, 3, 1).reshape(-1)


def _wide(x: Tensor) -> tuple[Tensor, int]:
    """View (B, C, H, W), channels last, as (B H W / group, group C): `group` pixels are looked at as one."""
    group, pixels = 1, x.numel() // x.shape[1]
    while group * x.shape[1] < 2 * WIDE and pixels % (2 * group) == 0:
        group *= 2
    return x.permute(0, 2, 3, 1).reshape(-1, group * x.shape[1]), group


def _tiled(values: Tensor, group: int, like: Tensor) -> Tensor:
    return values.to(like.dtype).expand(group, -1).reshape(-1)


def _folded(sums: Tensor, group: int) -> Tensor:
    return sums.view(group, -1).double().sum(0)
