"""Measure the default run: from an empty folder to the report, then with nothing to do.

The work of each stage is the sum of its jobs' wall times; jobs run side by side, so the sum may be
larger than the wall time of the run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pipeline.storage.sidecars import read_run_record  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def snakemake(folder: Path, cores: int, *options: str) -> float:
    """Run snakemake in `folder`; return its wall time in seconds."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    started = time.monotonic()
    subprocess.run(
        [*map(str, command), "--cores", str(cores), *options],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return time.monotonic() - started


def by_stage(folder: Path) -> dict[str, list[float]]:
    """Return {stage: wall times of its jobs}."""
    seconds = defaultdict(list)
    for sidecar in sorted((folder / "results").rglob("*.run.json")):
        record = read_run_record(str(sidecar).removesuffix(".run.json"))
        seconds[record["stage"]].append(record["wall_seconds"])
    return seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, help="keep the run here (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        whole = snakemake(folder, args.cores)
        print(f"whole run on {args.cores} cores: {whole:.0f} s")
        for stage, seconds in sorted(by_stage(folder).items(), key=lambda item: -sum(item[1])):
            print(f"  {stage:18} {len(seconds):3d} jobs {sum(seconds):7.1f} s")
        print(
            f"a second run with nothing to do: {min(snakemake(folder, args.cores) for _ in range(3)):.1f} s"
        )
        print(f"a dry run: {min(snakemake(folder, args.cores, '-n') for _ in range(3)):.1f} s")


if __name__ == "__main__":
    main()
