"""Where the log of a command goes."""

from __future__ import annotations

import logging
import os
import socket
import sys
from pathlib import Path

from pipeline.live import DRAWS


class _LogFile(logging.FileHandler):
    """A log that says on the terminal what does not fit on a full disk, where nothing else says it."""

    is_alone = False

    def handleError(self, record: logging.LogRecord) -> None:
        if self.is_alone and record.levelno >= logging.ERROR:
            print(record.getMessage(), file=sys.stderr)


def log_to(file: Path | None) -> None:
    """Send the log to a file (errors to the terminal as well), or to the terminal alone.

    Where Snakemake's live line is on the terminal, errors are its business: it reads them from the file.
    """
    logger = logging.getLogger("nasflow")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers.clear()
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(terminal)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not os.access(file, os.W_OK):  # another user's, in a folder that they share
            file.unlink()
        to_file = _LogFile(file, mode="w", delay=False)
        to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
        logger.addHandler(to_file)
        terminal.setLevel(logging.ERROR)
        if os.environ.get(DRAWS) == socket.gethostname():
            logger.removeHandler(terminal)
            to_file.is_alone = True
    logging.captureWarnings(True)
    warnings = logging.getLogger("py.warnings")
    warnings.handlers = [h for h in logger.handlers]
    warnings.propagate = False
