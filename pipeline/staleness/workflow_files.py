"""Which file each rule makes, from what, by which recipe: the workflow's rules, read without a job graph.

Snakemake parses the rules, so they are said once (`rules/*.smk`). Its graph of jobs is not built: it would
need its own records and takes a minute for some ten thousand jobs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipeline.config.options import settings_of
from pipeline.errors import UserError
from pipeline.live.expected import estimates_apart


@dataclass(frozen=True)
class FileJob:
    """A job by its files: which rule makes `outputs` from `inputs`, and by which recipe (see `recipes`).

    wildcards: their values. logs: where it writes its log.
    """

    rule: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    recipe: dict
    wildcards: dict = field(default_factory=dict)
    logs: tuple[str, ...] = ()


class Rules:
    """The rules of one workflow and configuration, with the jobs that they make of file names."""

    def __init__(self, workflow):
        self.rules = {rule.name: rule for rule in workflow.rules}
        self.patterns = [(output.regex(), rule) for rule in workflow.rules for output in rule.output]
        self._jobs: dict[tuple, FileJob] = {}
        self._known: dict[str, FileJob | None] = {}

    def job_of(self, file: str) -> FileJob | None:
        """Return the job that makes a file, or None if no rule does.

        Raises UserError if a rule's pattern fits the file, but nothing in the configuration does.
        """
        if file not in self._known:
            self._known[file] = self._find(file)
        return self._known[file]

    def _find(self, file: str) -> FileJob | None:
        for pattern, rule in self.patterns:
            match = pattern.match(file)
            if match:
                wildcards = match.groupdict()
                key = (rule.name, *wildcards.values())
                if key not in self._jobs:
                    self._jobs[key] = _job(rule, wildcards, file)
                return self._jobs[key]
        return None

    def files_of(self, target: str) -> list[str]:
        """Return the files behind a target: those of a target rule, or the file itself."""
        rule = self.rules.get(target)
        if rule is None:
            return [target]
        if not rule.norun:
            raise UserError(f"status: {target} is a rule; expected a file or a target such as 'report'")
        return _inputs(rule, {})

    def jobs_for(self, targets: Iterable[str]) -> list[FileJob]:
        """Return every job behind the targets, each after those that make its inputs."""
        found: dict[tuple, FileJob] = {}
        waiting = [file for target in targets for file in self.files_of(target)][::-1]
        entered: set[str] = set()
        while waiting:
            file = waiting[-1]
            job = self.job_of(file)
            if job is None or job.outputs in found or file in entered:
                waiting.pop()
                if job is not None:
                    found.setdefault(job.outputs, job)
            else:
                entered.add(file)
                waiting += [name for name in job.inputs if name not in entered]
        return list(found.values())


def _job(rule, wildcards: dict, file: str) -> FileJob:
    from snakemake.iocontainers import Wildcards

    try:
        recipe = json.loads(rule.params.recipe(Wildcards(fromdict=wildcards)))
        inputs = _inputs(rule, wildcards)
    except KeyError as error:
        raise UserError(f"{file}: the configuration has no {error.args[0]!r}") from error
    outputs = tuple(str(output.apply_wildcards(wildcards)) for output in rule.output)
    logs = tuple(str(log.apply_wildcards(wildcards)) for log in rule.log)
    return FileJob(rule.name, outputs, tuple(inputs), recipe, wildcards, logs)


def _inputs(rule, wildcards: dict) -> list[str]:
    """Return a job's input files, in order, none twice; calls input functions as Snakemake does."""
    from snakemake.io import is_callable
    from snakemake.iocontainers import Wildcards

    found: list = []
    for item in rule.input:
        if is_callable(item):
            called = getattr(item, "_file", item)
            item = getattr(called, "callable", called)(Wildcards(fromdict=wildcards))
        found.append(item)
    return list(dict.fromkeys(_filled(text, wildcards) for text in _flat(found)))


def _flat(value) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        for each in value:
            yield from _flat(each)
    else:
        yield str(value)


def _filled(text: str, wildcards: dict) -> str:
    return text.format(**wildcards) if "{" in text else text


@dataclass
class Opened:
    """Snakemake's workflow of a configuration: parsed at once, its graph of jobs built when asked for."""

    api: object

    @cached_property
    def rules(self) -> Rules:
        """The parsed rules."""
        return Rules(self.api._workflow)

    def graph(self, targets: list[str], checked_size: int):
        """Return Snakemake's workflow after a dry run for `targets`, with its graph of jobs and records."""
        from snakemake.settings import types as kinds

        settings = kinds.DAGSettings(targets=set(targets), max_checksum_file_size=checked_size)
        graph = self.api.dag(settings)
        graph.execute_workflow(executor="dryrun", execution_settings=kinds.ExecutionSettings(lock=False))
        return self.api._workflow


@contextmanager
def opened(
    snakefile: Path, configfiles: Sequence[Path], changes: Sequence[str], command: str = "status"
) -> Iterator[Opened]:
    """Yield the workflow of a configuration; Snakemake's own messages are dropped.

    configfiles, changes: as for snakemake (see `config_options`). command: named in errors. Raises
    UserError if the workflow or its configuration is refused.
    """
    from snakemake import api
    from snakemake.settings import types as kinds

    config = settings_of(configfiles, changes)
    failure = None
    with (
        open(os.devnull, "w") as nowhere,
        redirect_stderr(nowhere),
        redirect_stdout(nowhere),
        estimates_apart(),
        api.SnakemakeApi(kinds.OutputSettings(dryrun=True)) as snakemake,
    ):
        try:
            yield Opened(
                snakemake.workflow(
                    resource_settings=kinds.ResourceSettings(cores=1),
                    config_settings=config,
                    storage_settings=kinds.StorageSettings(),
                    snakefile=snakefile.resolve(),
                )
            )
        except UserError:
            raise
        except Exception as error:
            failure = error
    if failure is not None:
        raise UserError(f"{command}: {failure}") from failure
