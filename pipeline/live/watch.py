"""Command `watch`: how far a run is, here or on a cluster, from its logs and artifacts."""

from __future__ import annotations

import json
import sys
import time

from pipeline.config.options import add_run_options
from pipeline.errors import UserError
from pipeline.live.expected import estimate
from pipeline.live.picture import Picture, Watched
from pipeline.live.time_left import in_words
from pipeline.progress import clock

SILENT = 120.0  # seconds after which a running job's silence is worth a word
SHOWN = 12  # jobs of a kind that are shown as text; a cluster runs hundreds
PLAIN = 10.0  # seconds between pictures without a terminal
HELP = (
    "Watch a run from its logs, progress files and artifacts alone: each stage's jobs done, what runs and "
    "how far it is, what failed and why, the last results. It ends when all is done, or by Ctrl-C; exit "
    "status 0."
)


def add_arguments(parser) -> None:
    """Add the command's options."""
    add_run_options(parser)
    parser.add_argument("--once", action="store_true", help="look once")
    parser.add_argument("--json", action="store_true", help="print JSON, a line at each look")
    parser.add_argument(
        "--every", type=float, default=2.0, metavar="SECONDS", help="between looks (default: 2)"
    )


def run(args, job) -> int:
    """Show the run until it is done."""
    if args.every <= 0:
        raise UserError(f"watch: --every {args.every:g}: expected seconds, more than 0")
    try:
        watched = watched_run(args)
        if args.once or args.json or not sys.stdout.isatty():
            return _print(watched, args)
        return _draw(watched, args.every)
    except KeyboardInterrupt:
        return 0


def watched_run(args) -> Watched:
    """Return the jobs of the targets. Raises UserError if the configuration is refused or has none."""
    from pipeline.staleness.workflow_files import opened

    targets = args.targets or ["report"]
    with opened(args.snakefile, args.configfile, args.config, "watch") as workflow:
        jobs, by = workflow.rules.jobs_for(targets), estimate()
    if not jobs:
        raise UserError(f"watch: {' '.join(targets)}: nothing in this configuration belongs to it")
    return Watched(jobs, by)


def _print(watched: Watched, args) -> int:
    """Print a picture whenever it changed."""
    before = None
    while True:
        picture = watched.look()
        text = json.dumps(picture.as_dict()) if args.json else as_text(picture)
        if text != before:
            print(text, flush=True)
        if args.once or picture.done == picture.total:
            return 0
        before = text
        time.sleep(args.every if args.json else max(args.every, PLAIN))


def _draw(watched: Watched, every: float) -> int:
    """Draw pictures one over the other; the last one stays."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def drawn(picture: Picture) -> Text:
        return Text(as_text(picture), no_wrap=True, overflow="ellipsis")

    picture = watched.look()
    with Live(drawn(picture), console=Console(highlight=False), auto_refresh=False) as live:
        while picture.done < picture.total:
            time.sleep(every)
            picture = watched.look()
            live.update(drawn(picture), refresh=True)
    return 0


def as_text(picture: Picture) -> str:
    """Return the picture in lines: stages, failed jobs, running ones, last results."""
    left = in_words(picture.seconds_left) if picture.done < picture.total else "all done"
    lines = [f"{picture.done}/{picture.total} jobs{', ' + left if left else ''}"]
    for stage in picture.stages:
        more = [f"{stage[key]} {key}" for key in ("running", "failed") if stage[key]]
        lines.append(
            f"  {stage['stage']:20} {stage['done']:>6}/{stage['total']:<6} {', '.join(more)}".rstrip()
        )
    for job in picture.failed[:SHOWN]:
        lines += [f"failed  {job['job']}: {job['error']}", f"        log: {job['log']}"]
    lines += _more(picture.failed, "failed")
    for job in picture.running[:SHOWN]:
        silent = f"; silent for {clock(job['silent'])}" if job["silent"] > SILENT else ""
        lines.append(f"runs    {job['job']}: {job['words']}{silent}")
    lines += _more(picture.running, "run")
    lines += [f"result  {job['job']}: {job['text']}" for job in picture.results]
    return "\n".join(lines)


def _more(jobs: list[dict], what: str) -> list[str]:
    return [f"        {len(jobs) - SHOWN} more {what} (all of them: --json)"] if len(jobs) > SHOWN else []
