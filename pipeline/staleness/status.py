"""Command `status`: what is fresh, stale, missing or foreign, from the artifacts' own provenance.

Works without Snakemake's records: after `.snakemake` was deleted, or when results were copied from
another machine. `--restore` then writes these records anew.
"""

from __future__ import annotations

import json
from collections import Counter

from pipeline.config.options import add_run_options
from pipeline.errors import UserError
from pipeline.staleness.freshness import STATES, Checksums, Judged, judge
from pipeline.staleness.restore import refuse_while_running, restore
from pipeline.staleness.workflow_files import opened

NOT_FRESH = 4  # exit status
HELP = (
    "Say of each artifact of a configuration, and of each file in results/, whether it is fresh, stale "
    "(why), missing, or foreign (not made by this configuration), from what the artifacts say of themselves. "
    "Exit status: 0 all that the targets need is fresh, 4 something is not, 1 an error, 2 wrong usage."
)


def add_arguments(parser) -> None:
    """Add the command's options."""
    add_run_options(parser)
    parser.add_argument("--all", action="store_true", help="list fresh artifacts, too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="read inputs of more than 100 MB and folders, too, although nothing newer is in them",
    )
    parser.add_argument(
        "--restore",
        action="store_true",
        help="write Snakemake's records anew, so that it runs nothing that is fresh, and all that is stale; "
        "sets the times of fresh artifacts that are older than what they were made from",
    )


def run(args, job) -> int:
    """Print the states; return the exit status."""
    targets = args.targets or ["report"]
    if args.restore:
        refuse_while_running()
    with opened(args.snakefile, args.configfile, args.config) as workflow:
        found = judge(workflow.rules, targets, Checksums(thorough=args.thorough or args.restore))
        restored = restore(workflow, targets, found) if args.restore else None
    wanted = [one for one in found if one.asked]
    if not wanted:
        raise UserError(f"status: {' '.join(targets)}: nothing in this configuration belongs to it")
    print(as_json(found, restored) if args.json else as_text(found, targets, args.all, restored))
    return 0 if all(one.state == "fresh" for one in wanted) else NOT_FRESH


def as_json(found: list[Judged], restored: int | None) -> str:
    """Return {counts, artifacts: [{file, rule, state, why, follows, asked}]} as JSON."""
    content = {"counts": dict(_counts(found)), "artifacts": [vars(one) for one in found]}
    if restored is not None:
        content["restored"] = restored
    return json.dumps(content, indent=1)


def _counts(found: list[Judged]) -> dict[str, int]:
    counted = Counter(one.state for one in found)
    return {state: counted[state] for state in STATES}


def as_text(found: list[Judged], targets: list[str], show_fresh: bool, restored: int | None) -> str:
    """Return a line for each artifact that is not fresh (or for all), and how many there are of each."""
    shown = [one for one in found if show_fresh or one.state != "fresh"]
    lines = []
    for one in sorted(shown, key=lambda one: (STATES.index(one.state), one.follows, one.file)):
        lines.append(f"{one.state:8}{one.file}{'' if one.asked else '   (not asked for)'}")
        lines += [f"          - {reason}" for reason in one.why]
    counts = ", ".join(f"{n} {state}" for state, n in _counts(found).items() if n)
    lines.append(f"{' '.join(targets)}: {counts}")
    if restored is not None:
        lines.append(f"Snakemake's records of {restored} artifacts were written")
    return "\n".join(lines)
