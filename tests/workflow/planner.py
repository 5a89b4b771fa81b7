"""Plans runs of copies of the project, one fork each: Snakemake is imported once, the package in each fork.

A line of JSON in, {root, config, targets, restore}, gives one line out: {plan: {file: reason}, states:
[[file, state, reasons, asked]]}, as Snakemake and as `status` see it, or {error}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path


def answer(asked: dict) -> dict:
    """Plan and judge in this process, which is a fork."""
    os.chdir(asked["root"])
    sys.path.insert(0, asked["root"])
    from pipeline.staleness.freshness import Checksums, judge
    from pipeline.staleness.restore import restore
    from pipeline.staleness.why import plan
    from pipeline.staleness.workflow_files import opened

    config = [Path(asked["config"])]
    with opened(Path("Snakefile"), config, []) as workflow:
        found = judge(workflow.rules, asked["targets"], Checksums())
        if asked["restore"]:
            restore(workflow, asked["targets"], found)
    jobs = plan(Path("Snakefile"), asked["targets"], config, [])
    return {
        "plan": {file: job.reason for job in jobs for file in job.outputs},
        "states": [[one.file, one.state, one.why, one.asked] for one in found],
    }


def main() -> None:
    """Answer until there are no more questions."""
    import h5py  # noqa: F401  (what every fork needs)
    import pydantic  # noqa: F401
    import snakemake.cli
    import snakemake.dag
    import snakemake.workflow  # noqa: F401
    from snakemake import api  # noqa: F401

    for line in sys.stdin:
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(out)
            try:
                text = json.dumps(answer(json.loads(line)))
            except BaseException:
                text = json.dumps({"error": traceback.format_exc()})
            with os.fdopen(into, "w") as pipe:
                pipe.write(text)
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as pipe:
            print(pipe.read(), flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
