"""What the tests of child networks share: small cells, few images, comparisons."""

from __future__ import annotations

from pipeline.children import training
from pipeline.children.device_images import DeviceImages
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.images import digits
from pipeline.images.sets import ImageSet, split_by_seed
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, MAXPOOL3X3
from tests.unit.nasbench101_cells import cell

NETWORK = NetworkSettings(stem_channels=4, stacks=2, cells_per_stack=1)
TRAINING = TrainingSettings(epochs=4, batch_size=32, shift=1)
EXPLODING = TrainingSettings(epochs=4, batch_size=32, lr=1e30, gradient_clip=None)
MIXED = cell([CONV3X3, MAXPOOL3X3, CONV1X1], [(0, 1), (0, 2), (1, 2), (2, 3), (1, 6), (3, 6), (0, 6)])
PLAIN = cell([CONV3X3], [(0, 1), (1, 6)])
BRANCHES = cell([CONV3X3, CONV1X1], [(0, 1), (0, 2), (1, 6), (2, 6)])
BRANCHES_SWAPPED = cell([CONV1X1, CONV3X3], [(0, 1), (0, 2), (1, 6), (2, 6)])


def few_digits() -> ImageSet:
    """Digits, most of them for validation and test: an epoch is six steps."""
    pixels, labels, classes = digits.load()
    return ImageSet("digits", pixels, labels, split_by_seed(labels, 800, 797, 0, "digits"), tuple(classes))


def same(a, b) -> bool:
    """Equal bit for bit, but for the time it took."""
    arrays = [(a.curves, b.curves), (a.state, b.state)]
    return (a.cell, a.status, a.reason, a.params) == (b.cell, b.status, b.reason, b.params) and all(
        list(x) == list(y) and all(x[k].tobytes() == y[k].tobytes() for k in x) for x, y in arrays
    )


def under_way(model, images: ImageSet, recipe: TrainingSettings) -> training.UnderWay:
    """Return a network at the beginning of its training, on the CPU."""
    import torch

    data = DeviceImages.of(images, recipe.shift, "cpu")
    return training.begin(model, data, recipe, torch.Generator().manual_seed(0))


def count_epochs(monkeypatch) -> list[int]:
    """Return a list that the number of each epoch trained from now on is added to."""
    whole, epochs = training.train_epoch, []

    def counting(now, epoch):
        epochs.append(epoch)
        return whole(now, epoch)

    monkeypatch.setattr(training, "train_epoch", counting)
    return epochs
