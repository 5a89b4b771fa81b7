"""Train cells of a NAS-Bench-101 table by the benchmark's recipe, in small, and compare with its accuracies.

The recipe is that of the thesis' table 3.2 (RMSProp as TensorFlow has it) for 12 epochs, on a part of
CIFAR-10 and at a reduced width: what comes out can agree with the table in rank only. Prints Spearman's rho
and Kendall's tau with the table's validation accuracy after 12 and after 108 epochs. With a GPU: --width 128
--cells-per-stack 3 --train 40000.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pipeline.children.device_images import DeviceImages  # noqa: E402
from pipeline.children.settings import NetworkSettings, TrainingSettings  # noqa: E402
from pipeline.children.training import train_network  # noqa: E402
from pipeline.evaluation.measures import kendall_tau, spearman  # noqa: E402
from pipeline.images.command import read_images  # noqa: E402
from pipeline.images.sets import ImageSet  # noqa: E402
from pipeline.job import Job  # noqa: E402
from pipeline.spaces import nasbench101  # noqa: E402


def photos(archive: Path, n_train: int, n_valid: int) -> ImageSet:
    """Return training and validation images of the archive, and 100 test images that nothing looks at."""
    settings = {"source": "cifar10", "md5": None}
    settings |= {"n_train": n_train, "n_valid": n_valid, "n_test": 100}
    return read_images("cifar10", archive, settings, seed=1)[0]


def main() -> None:
    """Print a row for each cell, then how the order agrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="CSV: adjacency, ops, hash, val_acc_12, val_acc_108")
    parser.add_argument("archive", type=Path, help="cifar-10-python.tar.gz, official or rebuilt")
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--cells-per-stack", type=int, default=1)
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument(
        "--batch-norm-momentum", type=float, default=0.003, help="few steps need more than the recipe's 0.003"
    )
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    device = Job("perf", {}, device=args.device, threads=args.threads).torch_device()
    rows = pd.read_csv(args.table, dtype={"adjacency": str, "ops": str, "hash": str})
    rows = rows.iloc[np.random.default_rng(0).choice(len(rows), args.cells, replace=False)]
    archs = nasbench101.from_columns({name: rows[name].tolist() for name in ("adjacency", "ops", "hash")})
    images = photos(args.archive, args.train, 2000)
    network = NetworkSettings(stem_channels=args.width, stacks=3, cells_per_stack=args.cells_per_stack)
    recipe = TrainingSettings(
        epochs=args.epochs, batch_size=args.batch, optimizer="rmsprop_tf", lr=0.2, gradient_clip=None,
        batch_norm_momentum=args.batch_norm_momentum, shift=4, flip=True, evaluate_every=args.epochs,
        precision=args.precision,
    )  # fmt: skip
    on_device, found = DeviceImages.of(images, recipe.shift, device), []
    for i in range(len(archs)):
        started = time.perf_counter()
        result = train_network(archs[i], images, network, recipe, 1, device, on_device=on_device)
        found.append(result.last("val_acc"))
        seconds, row = time.perf_counter() - started, rows.iloc[i]
        print(
            f"{row['hash'][:8]}  here {found[-1]:.4f}  table {row['val_acc_12']:.4f} ({seconds:.0f} s)",
            flush=True,
        )
    here = np.array(found)
    for epochs in (12, 108):
        theirs = rows[f"val_acc_{epochs}"].to_numpy()
        rho, tau = spearman(theirs, here), kendall_tau(theirs, here)
        apart = np.abs(theirs - here).mean()
        print(f"table after {epochs} epochs: Spearman {rho:.3f}, Kendall {tau:.3f}, |difference| {apart:.3f}")


if __name__ == "__main__":
    main()
