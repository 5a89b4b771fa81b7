"""A process that ends when the one that it works for does.

Snakemake's jobs are processes of a shell. When Snakemake is killed outright (kill -9, out of memory), nothing
tells them: they would work on, beside those of the next run.
"""

from __future__ import annotations

import os
import select
import signal
import threading

VARIABLE = "NASFLOW_SNAKEMAKE"  # set by rules/common.smk: process id of the Snakemake that started the job


def end_with_snakemake() -> None:
    """End this process when the Snakemake that started it ends, if one did. See `end_with`."""
    if VARIABLE in os.environ:
        end_with(int(os.environ[VARIABLE]))


def end_with(process: int) -> None:
    """Kill this process as soon as another one has ended, or at once if it has.

    As with kill -9, nothing is cleaned up: what is written is whole or not there (`pipeline.storage.files`).
    Does nothing on systems other than Linux, which have no handle on a process that could not be another's
    later.
    """
    if not hasattr(os, "pidfd_open"):
        return
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=_wait, args=(handle,), name="parent", daemon=True).start()


def _wait(handle: int) -> None:
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    waiting.poll()
    os.kill(os.getpid(), signal.SIGKILL)
