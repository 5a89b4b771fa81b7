"""Train the same networks in bfloat16 and in float32, and compare their accuracies with the noise of seeds.

Cells are drawn from NAS-Bench-101, some seeds each; a seed starts both precisions from the same weights and
gives them the same batches. Prints, for each cell, the mean validation accuracy and the deviation over
seeds of either precision, then the mean paired difference (bfloat16 minus float32) with its standard error.
"Within noise" is a difference of less than two standard errors, beside a deviation over seeds that is no
larger in bfloat16. By default in small, for a CPU; with a GPU: --width 128 --cells-per-stack 3 --train 40000.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from perf.agreement import photos  # noqa: E402
from pipeline.children.device_images import DeviceImages  # noqa: E402
from pipeline.children.settings import NetworkSettings, TrainingSettings  # noqa: E402
from pipeline.children.training import train_network  # noqa: E402
from pipeline.job import Job  # noqa: E402
from pipeline.randomness import rng  # noqa: E402
from pipeline.spaces import nasbench101  # noqa: E402

PRECISIONS = ("fp32", "bf16")


def main() -> None:
    """Print a row for each cell and precision, then the paired difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="cifar-10-python.tar.gz, official or rebuilt")
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--cells-per-stack", type=int, default=1)
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--valid", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error("--seeds: at least 2 are needed, to see the noise")
    device = Job("perf", {}, device=args.device, threads=args.threads).torch_device()
    archs = nasbench101.sample(args.cells, rng(0, "precision"))
    images = photos(args.archive, args.train, args.valid)
    network = NetworkSettings(stem_channels=args.width, stacks=3, cells_per_stack=args.cells_per_stack)
    accuracy = np.empty((args.cells, len(PRECISIONS), args.seeds))
    on_device = None
    for cell in range(args.cells):
        for place, precision in enumerate(PRECISIONS):
            recipe = TrainingSettings(
                epochs=args.epochs, batch_size=args.batch, lr=0.05, shift=4, flip=True,
                evaluate_every=args.epochs, precision=precision,
            )  # fmt: skip
            on_device = on_device or DeviceImages.of(images, recipe.shift, device)
            started = time.process_time()
            for seed in range(args.seeds):
                how = archs[cell], images, network, recipe, seed, device
                accuracy[cell, place, seed] = train_network(*how, on_device=on_device).last("val_acc")
            found, spent = accuracy[cell, place], time.process_time() - started
            print(
                f"cell {cell} {precision}: mean {found.mean():.4f}, deviation over seeds "
                f"{found.std(ddof=1):.4f} ({', '.join(f'{a:.4f}' for a in found)}; {spent:.0f} CPU s)",
                flush=True,
            )
    report(accuracy)


def report(accuracy: np.ndarray) -> None:
    """Print how the precisions compare. accuracy: float64 (cells, precisions, seeds)."""
    difference = (accuracy[:, 1] - accuracy[:, 0]).reshape(-1)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    spread = np.sqrt(accuracy.var(axis=2, ddof=1).mean(axis=0))
    for precision, deviation in zip(PRECISIONS, spread, strict=True):
        print(f"{precision}: deviation over seeds {deviation:.4f} (root mean square over cells)")
    verdict = "within noise" if abs(difference.mean()) < 2 * error else "not within noise"
    print(
        f"bf16 - fp32: {difference.mean():+.4f} +- {error:.4f} (mean of {len(difference)} pairs and its "
        f"standard error): {verdict}"
    )


if __name__ == "__main__":
    main()
