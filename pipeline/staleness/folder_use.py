"""Who works in a folder, told to whoever starts a second run there, or may not write there.

Snakemake locks the files that a run makes, and says only that they are locked. So a run leaves beside these
locks who it is: what removes them (its end, an interrupt, `snakemake --unlock`) removes that, too.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import pwd
import socket
import sys
import time
from pathlib import Path

from pipeline.errors import UserError

LOCKS = Path(".snakemake/locks")
RUN = LOCKS / "run.json"


def begin(local: bool) -> None:
    """Record this process as the one that works here; called when Snakemake holds its locks.

    local: jobs run in this process's own children, not on a cluster. Raises UserError if the results
    cannot be written.
    """
    check_writable(Path("results"))
    process = os.getpid()
    run = {
        "user": _user(),
        "host": socket.gethostname(),
        "process": process,
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "ticks": _ticks(process),
        "local": local,
    }
    if LOCKS.is_dir() and any(LOCKS.iterdir()):  # none with --nolock: nothing would remove the record
        RUN.write_text(json.dumps(run) + "\n")


def who_works() -> str | None:
    """Return in words which run holds the folder and what to do, or None if none does."""
    if not LOCKS.is_dir() or not any(LOCKS.iterdir()):
        return None
    here = Path.cwd()
    try:
        run = json.loads(RUN.read_text())
        who = f"{run['user']} (process {run['process']} on {run['host']}, since {run['since']})"
        return f"{here}: {_what_to_do(run, who)}"
    except (OSError, ValueError, KeyError, TypeError):
        return (
            f"{here}: another snakemake holds this folder; wait until it is done. If none is at work here "
            "any more: snakemake --unlock, then the same command again"
        )


def _what_to_do(run: dict, who: str) -> str:
    unlock = "snakemake --unlock, then the same command again"
    if not run["local"]:
        unlock = f"cancel or wait for the jobs that it submitted (squeue), then {unlock}"
    if run["host"] != socket.gethostname():
        return (
            f"another snakemake works here, started by {who}; wait until it is done, or stop it there. "
            f"If it was killed: {unlock}"
        )
    if _ticks(run["process"]) != run["ticks"]:
        return f"a snakemake of {who} was killed and left its lock; {unlock}"
    return (
        f"another snakemake works here, started by {who}; wait until it is done, or stop it: Ctrl-C where it "
        f"runs, or kill -INT {run['process']}"
    )


def _ticks(process: int) -> int | None:
    """Return when a process started, in clock ticks since the machine did; None if it is not there.

    A process id alone may belong to another process by now. Without /proc every process that is there is
    taken for the same one.
    """
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return int(after_name[19]) if after_name[0] not in "ZX" else None
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # another user's
        pass
    return 0


def check_writable(results: Path) -> None:
    """Raise UserError if a folder of the results belongs to somebody who does not share it."""
    for folder in (folder for folder, _, _ in os.walk(results)):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(_not_writable(Path(folder)))


def _not_writable(path: Path) -> str:
    there = path if path.exists() else next(parent for parent in path.absolute().parents if parent.exists())
    try:
        owner = pwd.getpwuid(there.stat().st_uid).pw_name
    except KeyError:
        owner = f"user {there.stat().st_uid}"
    return (
        f"{path}: {_user()} may not write there, it belongs to {owner}; run in a copy of your own, or share "
        "the folder with a group (docs/howto/cluster.md: two users)"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


class _Teller(logging.Filter):
    """Puts one line with a name in the place of Snakemake's words for a lock or a folder of somebody else."""

    def filter(self, record: logging.LogRecord) -> bool:
        said, error = str(record.msg), sys.exc_info()[1]
        if "Directory cannot be locked" in said:
            record.msg, record.args = who_works() or said, ()
        elif record.levelno == logging.ERROR and isinstance(error, PermissionError) and error.filename:
            record.msg, record.args = _not_writable(Path(error.filename)), ()
        return True


TELLER = _Teller()


def tell() -> None:
    """Let Snakemake say who works in a locked folder, and whom a folder belongs to that it cannot write."""
    from snakemake.logging import logger

    logger.addFilter(TELLER)
