"""Batch norm differentiated twice in little time: it looks at several pixels as one (`pixel_groups`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.children.pixel_groups import channels_last, combined, mean_product, moments, sums


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm by the batch's statistics: (B, C, H, W) -> the same. Keeps its input's `variance`, (C,)."""

    def forward(self, x: Tensor) -> Tensor:
        x = channels_last(x)
        with torch.no_grad():
            mean, self.variance = moments(x)
            scale = (self.variance + self.eps).rsqrt_()
        return _BatchNorm.apply(x, self.weight, self.bias, mean, scale)


class _BatchNorm(torch.autograd.Function):
    """With M pixels (B H W), x^ = scale (x - mean): y = weight x^ + bias."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, scale):
        ctx.save_for_backward(x, weight, mean, scale)
        factor = weight.double() * scale
        return combined(x, (factor, x), constant=bias.double() - factor * mean)

    @staticmethod
    def backward(ctx, gradient):
        return *_OfBatchNorm.apply(channels_last(gradient), *ctx.saved_tensors), None, None


class _OfBatchNorm(torch.autograd.Function):
    """Gradients of batch norm's input, weight and bias; only the input's is differentiated again.

    of_x = weight scale (g - mean(g) - x^ mean(g x^)), g the gradient of the output.
    """

    @staticmethod
    def forward(ctx, gradient, x, weight, mean, scale):
        ctx.set_materialize_grads(False)
        pixels = x.numel() // x.shape[1]
        total, along = sums(gradient, x, mean, scale)
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
        v = channels_last(v)
        factor, pixels = weight.double() * scale, x.numel() // x.shape[1]
        v_mean, v_along = (part / pixels for part in sums(v, x, mean, scale))
        of_gradient = _centred(v, x, factor, mean, scale, v_mean, v_along)
        if not ctx.needs_input_grad[1]:
            return of_gradient, None, None, None, None
        # of_x of the gradient, times -1 / (weight scale^2): v_along g' + g_along v' + covariance x^,
        # where g' = g - mean(g) - g_along x^, and v' likewise
        covariance = mean_product(v, gradient) - v_mean * g_mean - v_along * g_along
        slope = (covariance - 2 * v_along * g_along) * scale
        constant = -(v_along * g_mean + g_along * v_mean) - slope * mean
        factor = -factor * scale
        terms = (factor * v_along, gradient), (factor * g_along, v), (factor * slope, x)
        return of_gradient, combined(x, *terms, constant=factor * constant), None, None, None


def _centred(g, x, factor, mean, scale, g_mean, g_along) -> Tensor:
    """Return factor (g - g_mean - x^ g_along), with float64 (C,) coefficients."""
    slope = -factor * scale * g_along
    return combined(x, (factor, g), (slope, x), constant=-factor * g_mean - slope * mean)
