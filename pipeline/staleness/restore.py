"""Snakemake's records written anew, from what the artifacts say of themselves.

Without records Snakemake compares times alone: it would run what is fresh when copied files have other
times, and keep what is stale when they happen to be in order.
"""

from __future__ import annotations

import os

from pipeline.errors import UserError
from pipeline.staleness.folder_use import who_works
from pipeline.staleness.freshness import Judged
from pipeline.staleness.workflow_files import Opened
from pipeline.storage.files import CHECKED_SIZE


def refuse_while_running() -> None:
    """Raise UserError if Snakemake is at work here."""
    if words := who_works():
        raise UserError(f"status --restore: {words}")


def restore(workflow: Opened, targets: list[str], found: list[Judged]) -> int:
    """Write the records of all artifacts in `found` that are there; return how many.

    A fresh one, and one that merely follows something stale, gets the record that its job would have left.
    Any other gets one whose params are the reasons, so that Snakemake runs its job, and says why.
    """
    states = {one.file: one for one in found if one.rule is not None}
    more = [one.file for one in states.values() if not one.asked]
    graph = workflow.graph([*targets, *more], CHECKED_SIZE)
    written = 0
    for level in graph.dag.toposorted():
        for job in level:
            state = states.get(str(job.output[0])) if job.output else None
            if state is None or state.state == "missing":
                continue
            if state.state == "fresh":
                put_in_order(job.input, job.output)
            graph.async_run(graph.persistence.finished(job))
            if state.state != "fresh" and not state.follows:
                _record_reasons(graph.persistence, job, state.why)
            written += len(job.output)
    return written


def put_in_order(inputs, outputs) -> None:
    """Give outputs the newest input's time where they are older.

    Snakemake compares the content of small files, but of large ones times alone.
    """
    newest = max((_time(file) for file in inputs if os.path.exists(file)), default=0)
    for file in outputs:
        if _time(file) < newest:
            os.utime(file, ns=(newest, newest))


def _time(file) -> int:
    return os.stat(file).st_mtime_ns


def _record_reasons(records, job, reasons: tuple[str, ...]) -> None:
    """Record as params why a job's outputs are stale: they differ from any that the job could have."""
    records._clear_cache()  # it remembers what was there before `finished`
    for file in job.output:
        record = records.metadata(file)
        record.params = [f"stale: {reason}" for reason in reasons]
        records._write_record(records._get_key(file), record)
