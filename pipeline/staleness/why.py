"""Command `why`: say in words why an artifact is stale.

Snakemake decides what has to run; this command asks it (a dry run), and explains each job by
comparing what the artifact on disk says of itself with what it would be made from now.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.options import add_run_options, settings_of
from pipeline.errors import ArtifactError, UserError
from pipeline.staleness.fingerprint import closure, source_file
from pipeline.storage.artifacts import read_provenance
from pipeline.storage.files import CHECKED_SIZE

HELP = "Say in words why a target (a file, or a name such as 'predictors') is stale, or that it is fresh."


@dataclass(frozen=True)
class Planned:
    """A job that Snakemake would run."""

    rule: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    reason: str
    recipe: dict | None


def add_arguments(parser) -> None:
    """Add the command's options."""
    add_run_options(parser)


def run(args, job) -> None:
    """Print the explanation."""
    planned = plan(args.snakefile, args.targets, args.configfile, args.config)
    print(explain(planned, args.targets or ["report"]))


def explain(planned: list[Planned], targets: list[str]) -> str:
    """Return the text: first what changed by itself, then what follows from it."""
    planned = sorted((job for job in planned if job.outputs), key=lambda job: job.outputs)
    if not planned:
        return f"{' '.join(targets)}: fresh, nothing to do"
    roots, followers = [], []
    stale = {output for job in planned for output in job.outputs}
    for job in planned:
        causes = causes_of(job)
        (roots if causes else followers).append((job, causes))
    lines = []
    for job, causes in roots:
        lines.append(f"{', '.join(job.outputs)} is stale:")
        lines += [f"  - {cause}" for cause in causes]
    if followers:
        lines.append("and what lies downstream:")
        for job, _ in followers:
            through = [i for i in job.inputs if i in stale]
            more = f" and {len(through) - 1} more" if len(through) > 1 else ""
            lines.append(f"  - {', '.join(job.outputs)} (from {through[0] if through else '?'}{more})")
    lines.append(f"{len(planned)} job{'s' if len(planned) > 1 else ''} would run")
    return "\n".join(lines)


def causes_of(job: Planned) -> list[str]:
    """Return what makes a job run by itself, in words; empty if only its inputs are remade."""
    causes = []
    missing = [o for o in job.outputs if not Path(o).exists()]
    if missing:
        causes.append(
            "it is not there yet" if missing == list(job.outputs) else f"missing: {', '.join(missing)}"
        )
    elif job.recipe:
        causes += recipe_changes(job.outputs[0], job.recipe)
        if not causes and "arams have changed" in job.reason:
            causes.append(
                "its recipe, or a file in a folder that it reads, changed since Snakemake last recorded it"
            )
    if "ncomplete" in job.reason:
        causes.append("an earlier run was stopped while writing it")
    if "Code has changed" in job.reason:
        causes.append(f"the rule {job.rule} itself was edited (rules/*.smk)")
    if "et of input files has changed" in job.reason:
        causes.append("it is made from other files than before (their list changed)")
    if "oftware environment" in job.reason:
        causes.append("its software environment (envs/) changed")
    updated = job.reason.partition("Updated input files: ")[2].partition(";")[0]
    if updated:
        causes.append(f"newer input: {updated}")
    if "orced" in job.reason:
        causes.append("it was asked for explicitly (--force)")
    return causes


def recipe_changes(output: str, recipe: dict) -> list[str]:
    """Compare what made `output` with what would make it now; say each difference."""
    try:
        made = read_provenance(output)
    except ArtifactError as error:
        return [str(error)]
    return changes_since(made, recipe)


def changes_since(made: dict, recipe: dict) -> list[str]:
    """Say each difference of settings and code between an artifact's provenance and a recipe."""
    changes = [
        f"setting {path}: {json.dumps(old)} -> {json.dumps(new)}"
        for path, old, new in differences(made["settings"], recipe["settings"])
    ]
    if made["seed"] != recipe["seed"]:
        changes.append(f"setting seed: {made['seed']} -> {recipe['seed']}")
    if made["code"] != recipe["code"]:
        now = closure(recipe["entries"])
        edited = sorted(
            m for m in now.keys() | made["modules"].keys() if now.get(m) != made["modules"].get(m)
        )
        changes += [f"code {_words(m, made['modules'], now)}: {source_file(m)}" for m in edited]
    return changes


def _words(module: str, before: dict, now: dict) -> str:
    return "added" if module not in before else "removed" if module not in now else "edited"


def differences(old, new, path: str = ""):
    """Yield (key path, old, new) for each leaf that differs between two nested mappings."""
    if isinstance(old, dict) and isinstance(new, dict) and old != new:
        for key in sorted(old.keys() | new.keys()):
            where = f"{path}.{key}" if path else key
            if key not in old or key not in new:
                yield where, old.get(key, "(absent)"), new.get(key, "(absent)")
            else:
                yield from differences(old[key], new[key], where)
    elif old != new:
        yield path, old, new


class _Collector(logging.Handler):
    """Keeps what Snakemake says about each job of a dry run."""

    def __init__(self):
        super().__init__()
        self.jobs: list[Planned] = []

    def emit(self, record):
        if not hasattr(record, "rule_name") or not hasattr(record, "reason"):
            return
        words = shlex.split(record.shellcmd) if record.shellcmd else []
        recipe = json.loads(words[words.index("--recipe") + 1]) if "--recipe" in words else None
        self.jobs.append(
            Planned(record.rule_name, tuple(record.output), tuple(record.input), record.reason, recipe)
        )


def plan(
    snakefile: Path, targets: list[str], configfiles: Sequence[Path], changes: Sequence[str]
) -> list[Planned]:
    """Return the jobs that Snakemake would run for `targets`. Raises UserError if it cannot tell.

    configfiles, changes: as for snakemake (see `config_options`).
    """
    from snakemake import api
    from snakemake.logging import logger
    from snakemake.settings import types as kinds

    collector, errors = _Collector(), []
    output = kinds.OutputSettings(dryrun=True)
    config = settings_of(configfiles, changes)
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere), redirect_stdout(nowhere):
        with api.SnakemakeApi(output) as snakemake:
            logger.addHandler(collector)
            try:
                workflow = snakemake.workflow(
                    resource_settings=kinds.ResourceSettings(cores=1),
                    config_settings=config,
                    storage_settings=kinds.StorageSettings(),
                    snakefile=snakefile.resolve(),
                )
                settings = kinds.DAGSettings(targets=set(targets), max_checksum_file_size=CHECKED_SIZE)
                dag = workflow.dag(settings)
                dag.execute_workflow(
                    executor="dryrun", execution_settings=kinds.ExecutionSettings(lock=False)
                )
            except Exception as error:
                errors.append(error)
            finally:
                logger.removeHandler(collector)
    if errors:
        raise UserError(f"why: {errors[0]}")
    return collector.jobs
