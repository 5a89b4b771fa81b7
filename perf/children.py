"""Measure the training of child networks beside `nasbench_pytorch.trainer.train`, in images a second.

Both train the same NAS-Bench-101 cells by the same recipe (info-NAS': SGD, batches of 128, crops of padded
images, mirroring, gradient clip) on the same generated images of 32x32, turn by turn in this one process.
The peer gets its images from a torch DataLoader whose data set cuts, mirrors and normalises one image at a
time, as its users' do (with NumPy, which takes less time than torchvision's transforms), and whose workers
stay alive; the time to start them is not counted. No time is spent on validation on either side. With other
work on the machine, two threads wait for each other and numbers go astray: look at --threads 1 then.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pipeline.children.device_images import DeviceImages  # noqa: E402
from pipeline.children.interleaved import alone  # noqa: E402
from pipeline.children.settings import NetworkSettings, TrainingSettings  # noqa: E402
from pipeline.children.training import begin, train_epoch  # noqa: E402
from pipeline.images.sets import ImageSet  # noqa: E402
from pipeline.job import Job  # noqa: E402
from pipeline.spaces import nasbench101  # noqa: E402
from pipeline.spaces.nasbench101.network import build_network  # noqa: E402

SIDE, CLASSES, SHIFT = 32, 10, 4
LABELS = {
    nasbench101.CONV3X3: "conv3x3-bn-relu",
    nasbench101.CONV1X1: "conv1x1-bn-relu",
    nasbench101.MAXPOOL3X3: "maxpool3x3",
}
FORWARD_AND_BACKWARD = 3  # a backward pass is two forward passes


class PeerImages(Dataset):
    """Images of the peer, made ready one by one."""

    def __init__(self, images: ImageSet):
        self.images, self.labels = images.part("train")
        self.mean, self.std = images.mean[:, None, None], images.std[:, None, None]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        padded = np.pad(self.images[index], ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
        row, column = np.random.randint(0, 2 * SHIFT + 1, 2)
        image = padded[:, row : row + SIDE, column : column + SIDE]
        if np.random.rand() < 0.5:
            image = image[:, :, ::-1]
        return torch.from_numpy((np.float32(image) / 255 - self.mean) / self.std), int(self.labels[index])


class Peer:
    """One network of the peer under training; an epoch is one call."""

    def __init__(self, arch, loader: DataLoader, width: int, cells: int, device):
        from nasbench_pytorch.model import ModelSpec, Network

        interior = [v for v in range(1, 6) if arch.ops[0][v] in LABELS]
        kept = [0, *interior, 6]
        labels = ["input", *(LABELS[arch.ops[0][v]] for v in interior), "output"]
        spec = ModelSpec(arch.adj[0][np.ix_(kept, kept)].astype(int), labels)
        self.net = Network(spec, CLASSES, 3, width, 3, cells).to(device)
        self.loader, self.device = loader, device

    def epoch(self) -> None:
        from nasbench_pytorch.trainer import train

        ours = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(False)  # as the peer's users have it
        with contextlib.redirect_stdout(io.StringIO()):
            train(self.net, self.loader, optimizer="sgd", grad_clip=5, num_epochs=1, device=self.device)
        torch.use_deterministic_algorithms(ours)


class Ours:
    """One of our networks under training; an epoch is one call."""

    def __init__(self, arch, data: DeviceImages, network: NetworkSettings, training: TrainingSettings):
        model = build_network(arch, network, 3, CLASSES).to(data.device, memory_format=torch.channels_last)
        self.now = begin(model, data, training, torch.Generator().manual_seed(0))

    def epoch(self) -> None:
        alone(train_epoch(self.now, 0))


def cells_of_all_sizes(n: int):
    """Return n cells of the space, from the fewest parameters to the most, evenly by rank."""
    sample = nasbench101.sample(2000, np.random.default_rng(0))
    order = np.argsort(nasbench101.params(sample, 128, 3, 3, 3, CLASSES), kind="stable")
    return sample[order[np.linspace(20, len(order) - 21, n).astype(int)]]


def generated(n: int) -> ImageSet:
    """Return n training images of noise, and one each for validation and test."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (n + 2, 3, SIDE, SIDE), dtype=np.uint8)
    labels = random.integers(0, CLASSES, n + 2).astype(np.uint8)
    names = tuple(map(str, range(CLASSES)))
    return ImageSet("noise", pixels, labels, np.r_[np.zeros(n, np.uint8), 1, 2].astype(np.uint8), names)


def rate(epoch, n_images: int, device) -> float:
    """Return images a second of one epoch."""
    started = time.perf_counter()
    epoch()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return n_images / (time.perf_counter() - started)


def main() -> None:
    """Print a row for each cell, and the mean ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=10)
    parser.add_argument("--width", type=int, default=16, help="channels of the stem")
    parser.add_argument("--cells-per-stack", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=6, help="of an epoch that is measured")
    parser.add_argument("--repeats", type=int, default=3, help="epochs of each side, turn by turn")
    parser.add_argument("--workers", type=int, default=0, help="of the peer's DataLoader")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="ours: auto, fp32 or bf16")
    parser.add_argument("--peak-tflops", type=float, help="of the device in bfloat16, dense")
    args = parser.parse_args()
    device = Job("perf", {}, device=args.device, threads=args.threads).torch_device()
    network = NetworkSettings(stem_channels=args.width, stacks=3, cells_per_stack=args.cells_per_stack)
    training = TrainingSettings(
        epochs=12, batch_size=args.batch, lr=0.025, shift=SHIFT, flip=True, precision=args.precision
    )
    n = args.steps * args.batch
    images = generated(n)
    data = DeviceImages.of(images, SHIFT, device)
    loader = DataLoader(
        PeerImages(images),
        args.batch,
        shuffle=True,
        num_workers=args.workers,
        persistent_workers=args.workers > 0,
    )
    shape = network.stem_channels, network.stacks, network.cells_per_stack
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{args.threads} CPU threads"
    print(f"{name}, width {args.width}, batch {args.batch}, peer's workers {args.workers}: images a second")
    print(f"{'parameters':>12} {'peer':>9} {'ours':>9} {'ratio':>6}" + "  of peak" * bool(args.peak_tflops))
    ratios, shares = [], []
    cells = cells_of_all_sizes(args.cells)
    for arch in (cells[i] for i in range(len(cells))):
        sides = (
            Peer(arch, loader, args.width, args.cells_per_stack, device),
            Ours(arch, data, network, training),
        )
        for side in sides:
            side.epoch()  # warm
        rates = np.array([[rate(s.epoch, n, device) for s in sides] for _ in range(args.repeats)])
        peer, ours = np.median(rates, axis=0)
        ratios.append(ours / peer)
        params = int(nasbench101.params(arch, *shape, 3, CLASSES)[0])
        text = f"{params:12,} {peer:9.0f} {ours:9.0f} {ratios[-1]:6.2f}"
        if args.peak_tflops:
            macs = float(nasbench101.flops(arch, *shape, 3, CLASSES, SIDE)[0])
            shares.append(2 * FORWARD_AND_BACKWARD * macs * ours / (args.peak_tflops * 1e12))
            text += f" {shares[-1]:8.1%}"
        print(text, flush=True)
    print(f"mean ratio {np.mean(ratios):.2f}, lowest {min(ratios):.2f}", end="")
    print(f"; mean share of peak {np.mean(shares):.1%}" if shares else "")


if __name__ == "__main__":
    main()
