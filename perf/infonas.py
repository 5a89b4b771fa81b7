"""Measure an epoch of info-NAS at the thesis' size: a labelled step, an unlabelled one, what is between them.

Random targets for 608 networks and 1,000 images of 32x32, 513 features: 1.25 GB, in a scratch file as in a
real run. Steps of each kind are timed one by one, an epoch (19,000 labelled and 11,900 unlabelled steps of
32) is extrapolated from their medians. CPU seconds are of the process, all its threads.
Usage: python perf/infonas.py [--device cuda] [--precision bfloat16] [--threads N] [--steps N].
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy starts its threads
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

N_NETWORKS, N_IMAGES, FEATURES, SIZE = 608, 1000, 513, 32
EPOCH = {"labelled": 19_000, "unlabelled": 11_896}  # steps: 608,000 pairs, 380,654 cells
CASES = {
    "thesis: 32 independent pairs a step": {"labelled_batch_size": 32, "labelled_batch_images": 0},
    "grids of 16 networks x 32 images": {"labelled_batch_size": 512, "labelled_batch_images": 32},
    "concat, 32 independent pairs": {
        "labelled_batch_size": 32,
        "labelled_batch_images": 0,
        "regressor": "concat",
    },
    "accuracies of 32 networks": {
        "labelled_batch_size": 32,
        "labelled_batch_images": 0,
        "regressor": "accuracy",
    },
}


def main() -> None:
    """Print the measurements."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="steps of each kind (default: 6, on CUDA 300)")
    parser.add_argument("--networks", type=int, default=N_NETWORKS, help="fewer need less disk")
    parser.add_argument("--folder", type=Path, help="where the scratch file goes")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    steps = args.steps or (300 if args.device == "cuda" else 6)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        outputs = random_data(args, Path(folder))
        for name, changes in CASES.items():
            for beside in (False, True) if name.startswith("thesis") else (False,):
                report(name + ", with the reference" * beside, changes, beside, outputs, args, steps)


def random_data(args, folder: Path):
    """Return labelled data of random numbers, on the device."""
    import torch

    from pipeline.autoencoders.labelled import Labelled
    from pipeline.autoencoders.vae import Graphs
    from pipeline.io_dataset.targets import Targets
    from pipeline.spaces import nasbench101

    rng = np.random.default_rng(0)
    archs = nasbench101.sample(args.networks, rng)
    targets = Targets((args.networks, N_IMAGES, FEATURES), scratch=folder)
    for network in range(args.networks):
        targets.write(network, rng.standard_normal((N_IMAGES, FEATURES), dtype=np.float32))
    images = torch.randn(N_IMAGES, 3, SIZE, SIZE, device=args.device)
    images = images.contiguous(memory_format=torch.channels_last)
    roles = np.zeros(args.networks, np.uint8), np.zeros(N_IMAGES, np.uint8), np.arange(N_IMAGES)
    return Labelled(archs, Graphs.of(archs, args.device), images, targets, *roles)


def report(name: str, changes: dict, reference: bool, labelled, args, n_steps: int) -> None:
    """Time steps of one case; print a step's seconds and an epoch's."""
    import torch

    from pipeline.autoencoders import joint
    from pipeline.autoencoders.infonas import new_model
    from pipeline.autoencoders.infonas_settings import InfoNasSettings
    from pipeline.autoencoders.reference import Reference
    from pipeline.autoencoders.training import Task
    from pipeline.autoencoders.vae import Graphs
    from pipeline.spaces import nasbench101

    s = InfoNasSettings(
        **changes,
        image_width=128,
        latent_branch_dim=16,
        head_dim=512,
        head_dropout=0.5,
        batch_size=32,
        lr=1e-3,
        precision=args.precision,
    )
    cells = Graphs.of(nasbench101.sample(10_000, np.random.default_rng(1)), args.device)
    task = Task(s, "nasbench101", cells, cells, torch.device(args.device))
    if s.regressor == "accuracy":
        labelled = of_accuracies(task, labelled)
    torch.manual_seed(0)
    model = new_model(task, labelled).train()
    stepping = joint.Steps(model, labelled, task, Reference(model.vae, s.lr) if reference else None)
    rows = [torch.as_tensor(part) for part in labelled.subset("train")]
    batches = joint.labelled_batches(*rows, s)
    batches = (batches * (n_steps + 2))[: n_steps + 2]  # a few networks without images make few
    targets, waits = labelled.ahead(batches), []
    orders = iter(joint.batches(cells.n_archs, s.batch_size))

    def labelled_step(k: int) -> None:
        started = time.perf_counter()
        of_pairs = next(targets)
        waits.append(time.perf_counter() - started)
        stepping.labelled(*batches[k], of_pairs, 1.0)

    n = len(batches)
    one, cpu_one = timed(labelled_step, n, args.device)
    other, cpu_other = timed(lambda k: stepping.unlabelled(next(orders), 1.0), n_steps + 2, args.device)
    n_labelled = EPOCH["labelled"] * 32 // s.labelled_batch_size
    epoch = n_labelled * one + EPOCH["unlabelled"] * other
    cpu = n_labelled * cpu_one + EPOCH["unlabelled"] * cpu_other
    print(
        f"{name} ({args.device}, {args.precision}, {args.threads} threads): labelled step {1e3 * one:.2f} ms "
        f"({1e3 * cpu_one:.2f} of CPU), waiting for targets {100 * np.median(waits[2:]) / one:.1f} % of it; "
        f"unlabelled {1e3 * other:.2f} ms ({1e3 * cpu_other:.2f}); an epoch of {n_labelled:,} + "
        f"{EPOCH['unlabelled']:,} steps, extrapolated: {epoch:,.0f} s ({cpu:,.0f} of CPU)",
        flush=True,
    )


def of_accuracies(task, labelled):
    """Return the same networks with one number each to learn."""
    from pipeline.autoencoders.labelled import without_images
    from pipeline.io_dataset.roles import SEEN
    from pipeline.io_dataset.targets import Targets

    n = len(labelled.archs)
    targets = Targets((n, 1, 1))
    for network in range(n):
        targets.write(network, np.full((1, 1), 0.9))
    return without_images(task, labelled.archs, targets, labelled.network_role, [SEEN])


def timed(step, n: int, device: str) -> tuple[float, float]:
    """Return the median wall and CPU seconds of step(0) to step(n - 1), without the first two."""
    import torch

    wall, cpu = [], []
    for k in range(n):
        started, before = time.perf_counter(), time.process_time()
        step(k)
        if device == "cuda":
            torch.cuda.synchronize()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - before)
    return float(np.median(wall[2:])), float(np.median(cpu[2:]))


if __name__ == "__main__":
    main()
