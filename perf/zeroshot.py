"""Zero-shot scores of random NAS-Bench-201 cells: CPU time, shared against separate; Kendall's tau.

    python perf/zeroshot.py TABLE ARCHIVE [--cells 100] [--stem 16] [--per-stack 5] [--batch 64]

TABLE is a CSV of all cells (arch_str, cifar10_val_acc_200), ARCHIVE the official cifar-10-python.tar.gz
(its checksum is not looked at). Every cell is scored three times, in turn in one process: all metrics by
`score_cells`; each metric alone by `score_cells`; each metric by its definition with passes of its own and
PyTorch's layers (`tests/unit/zeroshot_reference.py`, a new network a metric). `--no-separate`: only the
first.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402

from pipeline import spaces  # noqa: E402
from pipeline.children.settings import NetworkSettings  # noqa: E402
from pipeline.evaluation.measures import kendall_tau  # noqa: E402
from pipeline.images.command import read_images  # noqa: E402
from pipeline.spaces import nasbench201  # noqa: E402
from pipeline.zeroshot.metrics import METRICS  # noqa: E402
from pipeline.zeroshot.scores import image_batch, score_cells  # noqa: E402
from pipeline.zeroshot.settings import ScoreSettings  # noqa: E402
from tests.unit import zeroshot_reference as reference  # noqa: E402


def timed(seconds: dict[str, float], name: str, function, *arguments):
    """Return function(*arguments); add its CPU time to `seconds[name]`."""
    started = time.process_time()
    result = function(*arguments)
    seconds[name] += time.process_time() - started
    return result


def separately(arch, network, x, labels, classes, seconds) -> None:
    """Compute every metric by its definition, each on a new network."""
    for name, function in (reference.BY_WEIGHT | reference.OF_NETWORK).items():

        def alone(function=function):
            net = spaces.network(arch.space).build_network(arch, network, x.shape[1], classes)
            return function(net.to(memory_format=torch.channels_last), x, labels)

        timed(seconds, name, alone)


def main() -> None:
    """Print seconds a network, and tau by metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--stem", type=int, default=16)
    parser.add_argument("--per-stack", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-separate", action="store_true")
    parser.add_argument("--out", type=Path, help="CSV of the scores, to be written")
    options = parser.parse_args()
    torch.set_num_threads(1)

    frame = pd.read_csv(options.table)
    rows = np.random.default_rng(options.seed).choice(len(frame), options.cells, replace=False)
    archs = nasbench201.from_official(list(frame["arch_str"].iloc[rows]))
    accuracy = frame["cifar10_val_acc_200"].to_numpy()[rows]
    source = {"source": "cifar10", "md5": None, "n_train": 10_000, "n_valid": 1000, "n_test": 1000}
    images, _ = read_images("cifar10", options.archive, source, options.seed)
    network = NetworkSettings(stem_channels=options.stem, stacks=3, cells_per_stack=options.per_stack)
    settings = ScoreSettings(metrics=list(METRICS), batch_size=options.batch, network=network)
    x, labels = image_batch(images, options.batch, options.seed, "cpu")
    shared, alone, separate = (defaultdict(float) for _ in range(3))
    scores = []
    for n in range(len(archs)):
        arguments = images, settings, options.seed, "cpu"
        scores.append(timed(shared, "all", score_cells, archs[n], *arguments))
        if not options.no_separate:
            for metric in METRICS:
                single = settings.model_copy(update={"metrics": [metric]})
                timed(alone, metric, score_cells, archs[n], images, single, options.seed, "cpu")
            separately(archs[n], network, x, labels, len(images.classes), separate)
        if (n + 1) % 10 == 0:
            print(f"{n + 1} cells: {shared['all'] / (n + 1):.3f} s each", file=sys.stderr, flush=True)

    print(f"{options.cells} cells of {options.per_stack} a stack, stem {options.stem}, batch {options.batch}")
    print(f"{'metric':12} {'tau':>7} {'missing':>8} {'alone':>8} {'own passes':>11}")
    table = {m: np.concatenate([s.arch[m] for s in scores]) for m in METRICS}
    for metric, values in table.items():
        there = np.isfinite(values)
        tau = kendall_tau(accuracy[there], values[there])
        each = [part[metric] / len(archs) for part in (alone, separate)]
        print(f"{metric:12} {tau:7.3f} {(~there).sum():8d} {each[0]:8.3f} {each[1]:11.3f}")
    print(f"seconds a network, all metrics together: {shared['all'] / len(archs):.3f}")
    if not options.no_separate:
        for part, what in ((alone, "each alone by score_cells"), (separate, "each by its own passes")):
            total = sum(part.values())
            print(f"{what}: {total / len(archs):.3f} ({total / shared['all']:.2f} times as much)")
    if options.out is not None:
        frame = pd.DataFrame({"arch_str": nasbench201.to_official(archs), **table, "accuracy": accuracy})
        frame.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
