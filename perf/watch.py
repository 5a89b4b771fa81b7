"""Measure the looks of `watch` at a run of some ten thousand artifacts.

The artifacts are lines of text with the sidecars that their jobs would have written; a table is made of all.
CPU times, as other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from pipeline.live.picture import Watched  # noqa: E402
from pipeline.live.watch import as_text  # noqa: E402
from pipeline.staleness.workflow_files import FileJob  # noqa: E402

RECIPE = {"settings": {"epochs": 8}, "seed": 1, "code": "0123456789abcdef", "entries": []}


def measured(what: str, call):
    """Call; print how long it took."""
    cpu, wall = time.process_time(), time.monotonic()
    found = call()
    print(f"{what:44}{time.process_time() - cpu:6.2f} s CPU {time.monotonic() - wall:6.2f} s", flush=True)
    return found


def make(job: FileJob) -> str:
    """Write a job's output, sidecar and log; return the output's checksum."""
    output, text = Path(job.outputs[0]), f"number\n{job.outputs[0]}\n"
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    inputs = {file: SUMS[file] for file in job.inputs}
    record = {"wall_seconds": 30.0, "sha256": sha256, "bytes": len(text)}
    record["provenance"] = RECIPE | {"inputs": inputs, "modules": {}}
    for file, content in ((f"{output}.run.json", json.dumps(record)), (job.logs[0], "10:00:00 INFO done\n")):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(content)
    output.write_text(text)
    return sha256


def jobs_of(n: int) -> list[FileJob]:
    """Return a run of `n` chunks and a table, made."""
    made = []
    for k in range(n):
        name = f"children/digits101/chunk_{k}"
        wildcards = {"benchmark": "digits101", "chunk": str(k)}
        files = (f"results/{name}.csv",), (), RECIPE, wildcards, (f"results/logs/{name}.log",)
        made.append(FileJob("train_children", *files))
    chunks = tuple(job.outputs[0] for job in made)
    files = ("results/table.csv",), chunks, RECIPE, {"benchmark": "digits101"}, ("results/logs/table.log",)
    made.append(FileJob("build_benchmark", *files))
    for job in made:
        SUMS[job.outputs[0]] = make(job)
    return made


def run_half(jobs: list[FileJob]) -> None:
    """Leave the folder as half-way in a run: a tenth of the chunks missing, a hundred jobs at work."""
    now = time.time()
    content = {"command": "children", "pid": os.getpid(), "host": socket.gethostname(), "started": now}
    content |= {"updated": now, "state": "running"}
    content["parts"] = {"networks": {"done": 6, "total": 10, "began": now - 40, "first": 2}}
    for place, job in enumerate(jobs[:-1:10]):
        os.remove(job.outputs[0])
        if place < 100:
            Path(job.logs[0]).with_suffix(".progress").write_text(json.dumps(content))


SUMS: dict[str, str] = {}  # file -> checksum


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifacts", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        jobs = measured(f"writing {args.artifacts} artifacts", lambda: jobs_of(args.artifacts - 1))
        watched = Watched(jobs)
        assert measured("first look, all done", watched.look).done == len(jobs)
        measured("look, nothing new", watched.look)
        run_half(jobs)
        measured("look, a tenth gone, 100 jobs at work", watched.look)
        picture = measured("look, nothing new", watched.look)
        print(as_text(picture).splitlines()[0])


if __name__ == "__main__":
    main()
