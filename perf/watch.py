"""Measure `watch` on a configuration of some ten thousand artifacts: its start, and each look after it.

The artifacts are those of `perf/status.py`. CPU times, as other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from perf.status import CONFIG, configuration, make_artifacts, seconds  # noqa: E402
from pipeline.live.watch import as_text, watched_run  # noqa: E402


def measured(what: str, call):
    """Call; print how long it took."""
    cpu, wall = time.process_time(), time.monotonic()
    found = call()
    print(f"{what:44}{time.process_time() - cpu:6.2f} s CPU {time.monotonic() - wall:6.2f} s", flush=True)
    return found


def run_half(folder: Path) -> None:
    """Leave the folder as half-way in a run: a tenth of the chunks missing, a hundred jobs at work."""
    chunks = sorted((folder / "results/children/digits101").glob("*.h5"))
    for chunk in chunks[::10]:
        chunk.unlink()
    now = time.time()
    content = {"command": "children", "pid": os.getpid(), "host": os.uname().nodename, "started": now}
    content |= {"updated": now, "state": "running"}
    content["parts"] = {"networks": {"done": 6, "total": 10, "began": now - 40, "first": 2}}
    logs = folder / "results/logs/children/digits101"
    logs.mkdir(parents=True, exist_ok=True)
    for chunk in chunks[::10][:100]:
        (logs / f"{chunk.stem}.progress").write_text(json.dumps(content))


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
        cpu, wall, _ = seconds("pipeline", "watch", "--once", "--configfile", CONFIG)
        print(f"{'watch --once, a process':44}{cpu:6.2f} s CPU {wall:6.2f} s")
        options = argparse.Namespace(
            targets=[], configfile=[Path(CONFIG)], config=[], snakefile=ROOT / "Snakefile"
        )
        watched = measured("reading the rules", lambda: watched_run(options))
        measured("first look, all done", watched.look)
        measured("look, nothing new", watched.look)
        run_half(folder)
        measured("look, a tenth gone, 100 jobs at work", watched.look)
        picture = measured("look, nothing new", watched.look)
        print(as_text(picture).splitlines()[0])


if __name__ == "__main__":
    main()
