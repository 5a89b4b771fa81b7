"""Measure the report of a large run: 20 predictors x 10 sizes x 3 benchmarks, made up.

Prints the pages' sizes, how long each took to write, and how long a browser takes to open it: until the
document is there, until its first figure is drawn, and until all are. NUMBER of openings: the median counts.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pipeline.report.data import Predictions, read  # noqa: E402
from pipeline.report.page import build  # noqa: E402
from tests.unit.browser import Browser  # noqa: E402
from tests.unit.report_file_fixtures import (  # noqa: E402
    NASBENCH101,
    NASBENCH201,
    NASBENCH301,
    FileFixtures,
    config_of,
)

KINDS = (  # with about 700 held-out cells each
    replace(NASBENCH101, cells=30_000, unused=28_600),
    replace(NASBENCH201, unused=14_225),
    replace(NASBENCH301, cells=1_400),
)
PREDICTORS = ("gates", "xgboost", *(f"predictor_{k}" for k in range(1, 19)))
RUNS = 9  # three training sets with three seeds
SIZES = (20, 40, 60, 80, 120, 160, 240, 320, 480, 640)
TIMES = """(() => {
  const [page] = performance.getEntriesByType("navigation");
  const first = performance.getEntriesByName("first figure")[0]?.startTime ?? NaN;
  const last = performance.getEntriesByName("last figure")[0]?.startTime ?? NaN;
  return [page.domContentLoadedEventEnd, first, last];
})()"""


def predictions(made: FileFixtures) -> Predictions:
    """Scores of held-out cells by all predictors and numbers of labels: the truth, and noise."""
    held = np.flatnonzero(made.role == "held_out")
    truth, cells = made.val[held].mean(axis=1), np.array(made.ids)[held]
    parts, fits = [], []
    for which, predictor in enumerate(PREDICTORS):
        for n_train in SIZES:
            noise = (0.5 + 0.1 * which) * truth.std() * (80 / n_train) ** 0.5
            for run in range(RUNS):
                score = truth + noise * made.rng.normal(size=len(held))
                columns = {"run": run, "subset": run // 3, "cell": cells, "truth": truth, "score": score}
                parts.append(pd.DataFrame(columns | {"predictor": predictor, "n_train": n_train}))
            seconds = {"seconds": 0.1 * n_train * (1 + which), "score_seconds": 1.0, "regresses": True}
            fits.append({"predictor": predictor, "n_train": n_train} | seconds)
    return Predictions(pd.concat(parts, ignore_index=True), pd.DataFrame(fits), [5, 10])


def write(folder: Path, number: int) -> Path:
    """Write the page of one benchmark; print its size and the time that it took."""
    made = FileFixtures(folder, KINDS[number])
    run = replace(read(made.sources(), config_of(*KINDS)), predictions=predictions(made))
    page = folder / f"report/{KINDS[number].name}.html"
    page.parent.mkdir(exist_ok=True)
    started = time.process_time()
    page.write_text(build(run, page))
    size = page.stat().st_size / 1e6
    print(
        f"{KINDS[number].name:12} {size:5.2f} MB, written in {time.process_time() - started:.0f} s",
        flush=True,
    )
    return page


def opening(page: Path, number: int) -> None:
    """Print how long a browser takes to open a page."""
    found = []
    for _ in range(number):
        with Browser() as browser:
            browser.open(page, 300)
            found.append(browser.ask(TIMES))
    medians = [statistics.median(values) / 1000 for values in zip(*found, strict=True)]
    print(
        "{:12} document {:.2f} s, first figure {:.2f} s, all {:.2f} s".format(page.stem, *medians), flush=True
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=5, help="openings of each page (default: 5)")
    parser.add_argument("--folder", type=Path, help="keep the pages here (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        pages = [write(folder, number) for number in range(len(KINDS))]
        print(f"together     {sum(page.stat().st_size for page in pages) / 1e6:5.2f} MB")
        for page in pages:
            opening(page, args.number)


if __name__ == "__main__":
    main()
