"""arch2vec on all of NAS-Bench-101: seconds an epoch, fast and as the authors train it, and how good it gets.

Nine tenths of the cells to learn from, one tenth held out. Settings were chosen on the first third of the
held-out cells; what is printed for the other two thirds is what counts. The authors' setting (batches of 32,
constant rate 1e-3, dropout .3) is timed on --part steps and extrapolated to an epoch, which is said.

    python perf/autoencoders.py [--part 400] [--threads 1] [--device cpu] [--skip-quality]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402
import torch  # noqa: E402

from pipeline.autoencoders import arch2vec  # noqa: E402
from pipeline.autoencoders.measures import embed, latent_samples, reconstruction  # noqa: E402
from pipeline.autoencoders.settings import Arch2VecSettings  # noqa: E402
from pipeline.autoencoders.training import Task, take_step  # noqa: E402
from pipeline.autoencoders.vae import Arch2Vec, Graphs  # noqa: E402
from pipeline.randomness import rng, seed_torch, torch_generator  # noqa: E402
from pipeline.spaces import nasbench101  # noqa: E402

FAST = {"batch_size": 512, "lr": 1e-2, "dropout": 0.03, "epochs": 8}
AUTHORS = {
    "batch_size": 32,
    "lr": 1e-3,
    "dropout": 0.3,
    "schedule": "constant",
    "warmup": 0,
    "kl_weight": 1 / (32 * 7),  # theirs: the sum over latents, its mean over vertices, over B * V
    "epochs": 8,
}


def main() -> None:
    """Measure and print."""
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(args.device == "cpu")
    device = torch.device(args.device)
    archs = nasbench101.enumerate_cells()
    archs = archs[rng(args.seed, "perf autoencoders").permutation(len(archs))]
    n = len(archs) // 10
    held_out, cells = Graphs.of(archs[:n], device), Graphs.of(archs[n:], device)
    print(f"{len(archs) - n} cells to learn from, {n} held out; {args.device}, {args.threads} threads")
    changes = json.loads(args.settings)
    fast = Arch2VecSettings(**FAST | changes, n_cells=0)
    authors = Arch2VecSettings(**AUTHORS, n_cells=0)
    per_epoch = {}
    for name, settings in {"fast": fast, "authors": authors}.items():
        steps = args.part * 32 // settings.batch_size if name == "fast" else args.part
        cpu, wall = timed(settings, cells, steps)
        scale = n_steps(len(cells.ops), settings) / steps
        per_epoch[name] = cpu * scale
        step = f"{steps} steps of {settings.batch_size}: {1e3 * cpu / steps:.2f} ms of CPU a step"
        epoch = f"an epoch, extrapolated: {cpu * scale:.0f} s of CPU, {wall * scale:.0f} s of wall time"
        print(f"{name} setting, {step}; {epoch}", flush=True)
    print(f"ratio of CPU seconds, authors' to fast: {per_epoch['authors'] / per_epoch['fast']:.2f}")
    if not args.skip_quality:
        quality(fast, cells, held_out, args.seed)


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=int, default=400, help="steps of the authors' setting that are timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settings", default="{}", help="changes of the fast setting, as JSON")
    parser.add_argument("--skip-quality", action="store_true", help="time a part only")
    return parser.parse_args()


def n_steps(n_cells: int, settings) -> int:
    """Return the steps of an epoch."""
    return -(-n_cells // settings.batch_size)


def timed(settings, cells: Graphs, steps: int) -> tuple[float, float]:
    """Return (CPU seconds, wall seconds) of so many steps, after a few to warm up."""
    torch.manual_seed(0)
    vae = Arch2Vec(nasbench101.N_OPS, settings).to(cells.ops.device).train()
    optimiser = torch.optim.Adam(vae.parameters(), lr=settings.lr)
    rows = torch.randint(len(cells.ops), (steps + 5, settings.batch_size), device=cells.ops.device)
    for i, batch in enumerate(rows):
        if i == 5:
            wait(cells)
            started = time.process_time(), time.perf_counter()
        take_step(vae.loss(cells.take(batch))[0].total, optimiser, settings.lr, settings.gradient_clip)
    wait(cells)
    return time.process_time() - started[0], time.perf_counter() - started[1]


def wait(graphs: Graphs) -> None:
    """Wait until the device has done what it was given."""
    if graphs.ops.is_cuda:
        torch.cuda.synchronize()


def quality(settings, cells: Graphs, held_out: Graphs, seed: int) -> None:
    """Train in full; print the measures of the cells that settings were chosen on, and of the others."""
    third = held_out.n_archs // 3
    parts = {"chosen on": slice(0, third), "others": slice(third, None)}
    seed_torch(seed, "perf autoencoders")
    started = time.process_time(), time.perf_counter()
    small = held_out.take(slice(0, 1000))  # what is measured after each epoch
    vae = arch2vec.fit(Task(settings, "nasbench101", cells, small, cells.ops.device)).vae
    wait(cells)
    cpu, wall = time.process_time() - started[0], time.perf_counter() - started[1]
    print(f"fast setting, {settings.epochs} epochs: {cpu:.0f} s of CPU, {wall:.0f} s of wall time")
    for name, rows in parts.items():
        part = held_out.take(rows)
        found = reconstruction(vae, part)
        generator = torch_generator(seed, "perf samples", name)
        found |= latent_samples(vae, embed(vae, part), settings.n_samples, "nasbench101", generator)
        words = ", ".join(f"{key} {np.round(value, 4)}" for key, value in found.items())
        print(f"{name} ({part.n_archs} held-out cells): {words}", flush=True)


if __name__ == "__main__":
    main()
