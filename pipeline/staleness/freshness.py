"""Whether artifacts are fresh, from what they say of themselves: no records of Snakemake are needed.

An artifact is fresh if it was made by the recipe that it would be made by now, from files of the same
content, and if everything it was made from is fresh.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import h5py

from pipeline.errors import ArtifactError, UserError
from pipeline.staleness.why import changes_since
from pipeline.staleness.workflow_files import FileJob, Rules
from pipeline.storage.files import CHECKED_SIZE, checksum
from pipeline.storage.sidecars import DIFFERS, read_run_record, sidecar_of

STATES = ("fresh", "stale", "missing", "foreign")
MADE_BY = {"settings", "seed", "code", "modules", "inputs"}  # what an artifact says of its making
MADE = (".h5", ".csv", ".html", ".ubj")  # endings of artifacts
BESIDE = (".run.json", ".pdf", ".svg")  # ends of files that belong to an artifact beside them
KEPT = {"kept", "partial", "trained"}  # folders whose files are looked up by name, not made by a rule
LOGS = "logs"


@dataclass(frozen=True)
class Judged:
    """One artifact: its state (one of STATES), why, and whether the targets ask for it.

    follows: it is stale only because something upstream is not fresh.
    """

    file: str
    state: str
    why: tuple[str, ...] = ()
    asked: bool = True
    rule: str | None = None
    follows: bool = False


@dataclass
class Checksums:
    """Checksums of files, each read once.

    A file of more than `limit` bytes, or a folder, is read only if it is newer than what was made from it, or
    if `thorough`: reading a benchmark of 5 GB takes longer than everything else here.
    """

    thorough: bool = False
    limit: int = CHECKED_SIZE
    known: dict[str, str] = field(default_factory=dict)

    def of(self, file: str, made: float) -> str | None:
        """Return the SHA-256, or None if it is left out. made: the artifact's time, in seconds.

        Of a file that cannot be read, a text that says so and is no checksum.
        """
        if file not in self.known:
            is_large = os.path.isdir(file) or os.path.getsize(file) > self.limit
            if is_large and not self.thorough and _newest(file) <= made:
                return None
            try:
                self.known[file] = checksum(file)
            except OSError as error:
                self.known[file] = f"it cannot be read ({error.strerror})"
        return self.known[file]


def _newest(file: str) -> float:
    """Return the time of a file, or of the newest thing in a folder."""
    return max(os.path.getmtime(f) for f in [file, *Path(file).rglob("*")])


def judge(rules: Rules, targets: Iterable[str], checksums: Checksums) -> list[Judged]:
    """Return every artifact that `targets` need and every file in results/, sorted by name.

    Paths are relative to the working directory, as in the workflow.
    """
    asked = [file for target in targets for file in rules.files_of(target)]
    jobs: dict[tuple, Judged] = {}
    found: dict[str, Judged] = {}
    waiting, needed = list(asked), set()
    while waiting:
        file = waiting.pop()
        if file not in needed:
            needed.add(file)
            job = rules.job_of(file)
            if job is not None:
                waiting += [*job.inputs, *job.outputs]
    for file in needed:
        job = rules.job_of(file)
        if job is not None:
            found[file] = _named(file, _judge_job(rules, job, checksums, jobs), asked=True)
        elif not os.path.exists(file):
            found[file] = Judged(file, "missing", ("it is not made here; put it there",))
    for file in _others("results", needed):
        found[file] = _judge_other(rules, file, checksums, jobs)
    return sorted(found.values(), key=lambda one: one.file)


def _named(file: str, of_job: Judged, asked: bool) -> Judged:
    return Judged(file, of_job.state, of_job.why, asked, of_job.rule, of_job.follows)


def _judge_job(rules: Rules, job: FileJob, checksums: Checksums, jobs: dict) -> Judged:
    """Return the state of a job's outputs; `jobs` remembers it."""
    if job.outputs not in jobs:
        state, why = own_state(job, checksums)
        follows = False
        if state == "fresh":
            for file in job.inputs:
                upstream = rules.job_of(file)
                if upstream is None and not os.path.exists(file):
                    state, why = "stale", (f"input {file} is not there",)
                elif upstream is not None:
                    before = _judge_job(rules, upstream, checksums, jobs)
                    if before.state != "fresh":
                        state, why, follows = "stale", (f"follows {file}, which is {before.state}",), True
                        break
        jobs[job.outputs] = Judged(job.outputs[0], state, why, True, job.rule, follows)
    return jobs[job.outputs]


def own_state(job: FileJob, checksums: Checksums) -> tuple[str, tuple[str, ...]]:
    """Return state and reasons, apart from what lies upstream."""
    absent = [file for file in job.outputs if not os.path.exists(file)]
    if absent:
        every = len(absent) == len(job.outputs)
        return "missing", ("it is not there yet" if every else f"{', '.join(absent)} is not there",)
    try:
        made = _made(job)
    except ArtifactError as error:
        return "stale", (str(error),)
    if made is None:
        return "foreign", ("nothing is recorded about what made it",)
    damages = [damage for file in job.outputs if (damage := _damage(file, checksums))]
    if damages:
        return "stale", tuple(damages)
    times = min(os.stat(file).st_mtime for file in job.outputs)
    changes = [*changes_since(made, job.recipe), *input_changes(made["inputs"], job.inputs, times, checksums)]
    return ("stale" if changes else "fresh"), tuple(changes)


def _damage(file: str, checksums: Checksums) -> str | None:
    """Return how the content of an artifact differs from what its sidecar says was written, or None."""
    record = read_run_record(file)
    if "sha256" not in record:
        return None
    large = os.path.getsize(file) > checksums.limit or os.path.isdir(file)
    found = checksums.of(file, os.stat(sidecar_of(file)).st_mtime if large else 0.0)
    if found is None:  # large, and not newer than its sidecar
        return DIFFERS if os.path.getsize(file) != record.get("bytes") else None
    if found == record["sha256"]:
        return None
    if found == record.get("earlier"):
        return "a run that was to replace it was stopped"
    return DIFFERS if " " not in found else found


def _made(job: FileJob) -> dict | None:
    """Return the provenance of a job's outputs, from the first that has one; None if none has.

    Raises ArtifactError for a damaged file.
    """
    for file in job.outputs:
        if file.endswith(".h5"):
            try:
                with h5py.File(file, "r") as handle:
                    text = handle.attrs.get("provenance")
            except OSError as error:
                raise ArtifactError(
                    f"not a whole HDF5 file (cut short or damaged); delete it and run again (rm {file})"
                ) from error
            made = _parsed(text, file) if text else None
        else:
            made = read_run_record(file).get("provenance")
        if isinstance(made, dict) and made.keys() >= MADE_BY and isinstance(made["inputs"], dict):
            return made
    return None


def _parsed(text, file: str):
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ArtifactError(
            f"what it says of its making is no JSON; delete it and run again (rm {file})"
        ) from error


def input_changes(recorded: dict, inputs: Iterable[str], made: float, checksums: Checksums) -> list[str]:
    """Compare the files that an artifact was made from with those it would be made from now.

    recorded: name -> checksum; a name is a path, or another name where an artifact must not depend on where
    files lie: such ones are told by their content.
    """
    now = {file: checksums.of(file, made) for file in inputs if os.path.exists(file)}
    changes = [
        f"input {file}: its content changed"
        for file in now
        if file in recorded and now[file] not in (None, recorded[file])
    ]
    named = set(inputs)
    rest = [file for file in now if file not in recorded]
    gone = []
    for name, value in recorded.items():
        if name in named:
            continue
        same = next((file for file in rest if now[file] in (None, value)), None)
        if same is None:
            gone.append(name)
        else:
            rest.remove(same)
    for name in gone:
        if rest and "/" not in name:
            changes.append(f"input {rest.pop(0)}: its content changed")
        else:
            changes.append(f"input {name} is no longer one")
    return changes + [f"input {file} is new" for file in rest]


def _others(results: str, needed: set[str]) -> list[str]:
    """Files in the results that the targets do not ask for; logs, sidecars and kept parts left out."""
    found = []
    for folder, folders, files in os.walk(results):
        at_top = folder == results
        folders[:] = [name for name in folders if name not in KEPT and not (at_top and name == LOGS)]
        for name in files:
            file = f"{folder}/{name}"
            if file not in needed and not name.endswith(BESIDE):
                found.append(file)
    return found


def _judge_other(rules: Rules, file: str, checksums: Checksums, jobs: dict) -> Judged:
    if not file.endswith(MADE):
        left = "a killed job left it; it can be deleted" if file.endswith(".part") else "no rule makes it"
        return Judged(file, "foreign", (left,), asked=False)
    try:
        job = rules.job_of(file)
        if job is not None:
            return _named(file, _judge_job(rules, job, checksums, jobs), asked=False)
    except UserError as error:
        return Judged(file, "foreign", (f"of another configuration ({error})",), asked=False)
    return Judged(file, "foreign", ("no rule of this configuration makes it",), asked=False)
