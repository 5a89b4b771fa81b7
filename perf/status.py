"""Measure `status`, `status --restore` and `snakemake -n` on a configuration of some ten thousand artifacts.

Nothing is trained: the artifacts hold one number each, and the provenance that their jobs would have written.
CPU times, as other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from pipeline.job import Job  # noqa: E402
from pipeline.staleness.fingerprint import closure  # noqa: E402
from pipeline.staleness.workflow_files import opened  # noqa: E402
from pipeline.storage.artifacts import write_h5, write_text_artifact  # noqa: E402

CONFIG = "status.yaml"


def configuration(n_artifacts: int) -> dict:
    """Return the default configuration with as many chunks as make `n_artifacts`, about."""
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())
    children = settings["benchmarks"]["digits101"]["children"]
    children.update(n_held_out=50, n_labelled=n_artifacts // 2 - 50, chunk_size=1)
    settings["zeroshot"] = {**settings.get("zeroshot", {}), "n_candidates": 0, "chunk_size": 1}
    return settings


def make_artifacts(folder: Path) -> int:
    """Write every artifact of the configuration in `folder`, in an order in which inputs come first."""
    os.chdir(folder)
    with opened(ROOT / "Snakefile", [Path(CONFIG)], []) as workflow:
        rules = workflow.rules
        done: set[str] = set()
        for file in rules.files_of("report"):
            _make(rules, file, done)
    return len(done)


def _make(rules, file: str, done: set[str]) -> None:
    job = rules.job_of(file)
    if file in done or job is None:
        return
    for before in job.inputs:
        _make(rules, before, done)
    recipe = job.recipe
    made_by = Job(job.rule, recipe["settings"], recipe["seed"], recipe["code"], closure(recipe["entries"]))
    for output in job.outputs:
        if output.endswith(".h5"):
            with write_h5(output, "perf", made_by, job.inputs) as handle:
                handle["number"] = len(done)
        else:
            write_text_artifact(output, f"number\n{len(done)}\n", made_by, job.inputs)
        done.add(output)


def seconds(*command: str) -> tuple[float, float, str]:
    """Run a command; return CPU seconds, wall seconds, and the last line that it says."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return cpu, wall, said[-1] if said else ""


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifacts", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="keep the artifacts here (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(yaml.safe_dump(configuration(args.artifacts)))
        print(f"{make_artifacts(folder)} artifacts")
        status = ("pipeline", "status", "--configfile", CONFIG)
        dry_run = ("snakemake", "-n", "--snakefile", str(ROOT / "Snakefile"), "--configfile", CONFIG)
        shutil.rmtree(folder / ".snakemake", ignore_errors=True)
        for name, command in (
            ("status, first", status),
            ("status, again", status),
            ("status --restore", (*status, "--restore")),
            ("snakemake -n, all fresh", dry_run),
            ("snakemake -n, all to be made", (*dry_run, "--forceall")),
        ):
            cpu, wall, said = seconds(*command)
            print(f"{name:32}{cpu:6.1f} s CPU {wall:6.1f} s   {said[:90]}", flush=True)


if __name__ == "__main__":
    main()
