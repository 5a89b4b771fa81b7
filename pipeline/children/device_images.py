"""An image set on the device that trains: bytes, cut, mirrored and normalised batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.images.sets import ImageSet

EVALUATION_PIXELS = {"cpu": 2**18, "cuda": 2**20}  # of one batch: enough to fill the device, and no more
WORD = 4  # bytes


@dataclass(frozen=True)
class DeviceImages:
    """An image set as bytes; training images in a black border, padded once, a pixel in one machine word.

    Gathering words instead of single channels makes an augmented batch some ten times faster on a CPU.
    """

    words: Tensor  # int32 (train * (H + 2 border) * (W + 2 border),); (…, words) beyond 4 channels
    y: Tensor  # int64 (train,)
    x_eval: Tensor  # uint8 (valid + test, H, W, C)
    y_eval: Tensor  # int64 (valid + test,)
    n_valid: int
    border: int
    factor: Tensor  # float32 (C,): normalised = offset + factor * byte
    offset: Tensor  # float32 (C,)

    @classmethod
    def of(cls, images: ImageSet, border: int, device) -> DeviceImages:
        """Copy an image set to the device. border: the largest shift of the augmentation, in pixels."""
        (train, y), (valid, y_valid), (test, y_test) = map(images.part, ("train", "valid", "test"))
        n, channels, height, width = train.shape
        padded = (n, height + 2 * border, width + 2 * border, -(-channels // WORD) * WORD)
        pixels = np.zeros(padded, np.uint8)
        inside = slice(border, border + height), slice(border, border + width)
        pixels[:, *inside, :channels] = train.transpose(0, 2, 3, 1)
        held = np.concatenate([valid, test]).transpose(0, 2, 3, 1)
        words = pixels.reshape(-1, padded[-1]).view(np.int32)
        factor = 1 / (255 * images.std.astype(np.float64))

        def to_device(array: np.ndarray, dtype=None) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

        return cls(
            words=to_device(words[:, 0] if words.shape[1] == 1 else words),  # a plain vector gathers fastest
            y=to_device(y, torch.int64),
            x_eval=to_device(held),
            y_eval=to_device(np.concatenate([y_valid, y_test]), torch.int64),
            n_valid=len(y_valid),
            border=border,
            factor=to_device(np.float32(factor)),
            offset=to_device(np.float32(-images.mean.astype(np.float64) * 255 * factor)),
        )

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.y.device

    def batch_size(self, size: int) -> int:
        """Return how many images a batch has: `size`, or all if there are fewer."""
        return min(size, len(self.y))

    def batches(self, size: int, flip: bool, chance: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch's (images float32 (B, C, H, W), labels (B,)), shuffled, shifted and mirrored.

        Whole batches only: batch norm suffers from a small last one. What is left over waits an epoch.
        chance: a CPU generator, so that all devices see the same epoch.
        """
        n, (height, width), size = len(self.y), self.x_eval.shape[1:3], self.batch_size(size)
        order = torch.randperm(n, generator=chance)
        corner = torch.randint(2 * self.border + 1, (n, 2), generator=chance)
        mirrored = torch.rand(n, 1, generator=chance) < 0.5 if flip else torch.zeros(n, 1, dtype=torch.bool)
        order, corner, mirrored = (drawn.to(self.device) for drawn in (order, corner, mirrored))
        down, across = torch.arange(height, device=self.device), torch.arange(width, device=self.device)
        full_height, full_width = height + 2 * self.border, width + 2 * self.border
        for start in range(0, n - size + 1, size):
            b = slice(start, start + size)
            rows = order[b, None] * full_height + corner[b, :1] + down  # (B, H)
            columns = corner[b, 1:] + torch.where(mirrored[b], width - 1 - across, across)  # (B, W)
            place = rows[:, :, None] * full_width + columns[:, None, :]  # (B, H, W)
            words = self.words.index_select(0, place.view(-1))
            pixels = words.view(torch.uint8).view(*place.shape, -1)[..., : len(self.factor)]
            yield self.normalised(pixels), self.y[order[b]]

    def normalised(self, pixels: Tensor) -> Tensor:
        """Return bytes (B, H, W, C) as float32 (B, C, H, W), channels last in memory."""
        return (pixels * self.factor).add_(self.offset).permute(0, 3, 1, 2)

    def evaluation_batches(self) -> Iterator[Tensor]:
        """Yield all validation, then all test images, normalised, in batches that bound memory."""
        height, width = self.x_eval.shape[1:3]
        size = max(1, EVALUATION_PIXELS[self.device.type] // (height * width))
        for part in self.x_eval.split(size):
            yield self.normalised(part)
