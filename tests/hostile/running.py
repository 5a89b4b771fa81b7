"""Running hostile cases, and what every one of them must come to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS = 10  # of the processor, for each file
MARKER = "harm-was-done"  # what payloads would create in the working folder


def run_cases(folder: Path, cases: dict[str, list[str]], imports: list[str]) -> dict[str, dict]:
    """Run all cases in one process that works in `folder`; return {case: outcome}.

    imports: modules whose memory does not count.
    """
    (folder / "cases.json").write_text(json.dumps(cases))
    before = everything_in(folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.child", "cases.json", "results.json", *imports],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    written = folder / "results.json"
    results = json.loads(written.read_text()) if written.exists() else {}
    died = [name for name in cases if name not in results][:1]
    assert not done.returncode, f"{died} ended the process: {done.returncode}\n{done.stderr[-3000:]}"
    left = everything_in(folder) - before - {"results.json"}
    assert not left, f"files were left: {sorted(left)}"
    return results


def everything_in(folder: Path) -> set[str]:
    """Return all files and folders, logs left out."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in found if not name.startswith("logs")}


def assert_refused(found: dict, reason: str) -> None:
    """Assert that a file was refused in one line which says `reason`, in time, and with nothing written."""
    assert found["status"] == 1, found
    assert len(found["said"]) == 1, found
    assert reason in found["said"][0], found
    assert len(found["said"][0]) < 2500, found
    assert found["seconds"] < MOST_SECONDS, found
