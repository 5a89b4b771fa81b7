"""What made each artifact behind the report, and how long that took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pipeline.errors import ArtifactError
from pipeline.report.words import STAGES
from pipeline.storage.artifacts import read_provenance
from pipeline.storage.sidecars import read_run_record


@dataclass(frozen=True)
class Made:
    """One artifact: stage, code and seed that made it, and the seconds it took (None: not recorded)."""

    path: str
    stage: str
    seed: int | None
    code: str
    versions: dict = field(default_factory=dict)
    seconds: float | None = None
    device: str = ""
    networks: dict = field(default_factory=dict)  # cell -> seconds of training


def made_from(paths: Sequence[Path]) -> list[Made]:
    """Return a record of each file and of all that they were made from, as far as it is on disk."""
    waiting, seen, found = [Path(p) for p in paths], set(), []
    while waiting:
        path = waiting.pop(0)
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        try:
            origin = read_provenance(path)
        except ArtifactError:  # a file from outside, such as an official benchmark
            origin = {}
        record = read_run_record(path)
        stage = origin.get("stage") or record.get("stage")
        if not stage:
            continue
        found.append(
            Made(
                path=str(path),
                stage=stage,
                seed=origin.get("seed"),
                code=origin.get("code", ""),
                versions=origin.get("versions", {}),
                seconds=record.get("wall_seconds"),
                device=record.get("device", ""),
                networks=record.get("networks", {}),
            )
        )
        waiting += [Path(p) for p in origin.get("inputs", {}) if Path(p).is_file()]
    order = list(STAGES)
    return sorted(found, key=lambda m: (order.index(m.stage) if m.stage in order else len(order), m.path))


def time_by_stage(made: Sequence[Made]) -> pd.DataFrame:
    """Return stage, jobs, timed (jobs with a recorded time), seconds (their sum; NaN if none), in order."""
    rows = []
    for stage in dict.fromkeys(m.stage for m in made):
        of_stage = [m for m in made if m.stage == stage]
        timed = [m.seconds for m in of_stage if m.seconds is not None]
        rows.append((stage, len(of_stage), len(timed), sum(timed) if timed else float("nan")))
    return pd.DataFrame(rows, columns=["stage", "jobs", "timed", "seconds"])


def versions(made: Sequence[Made]) -> dict[str, list[str]]:
    """Return every version of each package that some artifact was made with."""
    found: dict[str, set] = {}
    for m in made:
        for package, number in m.versions.items():
            found.setdefault(package, set()).add(number)
    return {package: sorted(numbers) for package, numbers in sorted(found.items())}
