"""Runs cases one after another, in little memory: `python -m tests.hostile.child CASES RESULTS MODULE…`.

CASES: JSON, {name: words of a command of `python -m pipeline`, or ["call", function of `calls`, file]}.
RESULTS: JSON, {name: {status, said (lines on the terminal), seconds (of the processor)}}.
"""

from __future__ import annotations

import importlib
import io
import json
import resource
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOM = 1 << 30  # bytes of address space beyond those of what is imported


def outcome(words: list[str]) -> dict:
    """Run one case."""
    from pipeline.__main__ import main
    from tests.hostile import calls

    said, started = io.StringIO(), time.process_time()
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        try:
            status = getattr(calls, words[1])(Path(words[2])) if words[0] == "call" else main(words)
        except SystemExit as error:
            status = error.code
    seconds = time.process_time() - started
    return {"status": status, "said": said.getvalue().splitlines(), "seconds": seconds}


def limit_memory() -> None:
    """Allow this process `ROOM` more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    cases, results = json.loads(Path(sys.argv[1]).read_text()), {}
    for module in sys.argv[3:]:
        importlib.import_module(module)
    limit_memory()
    for name, words in cases.items():
        results[name] = outcome(words)
        Path(sys.argv[2]).write_text(json.dumps(results))
