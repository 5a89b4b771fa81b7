"""Snakemake's logger plug-in `nasflow`: one live line on a terminal, plain lines elsewhere.

Whoever asks Snakemake for more or less than that (--dry-run, --verbose, --printshellcmds, --quiet,
--debug-dag) gets Snakemake's own log. The whole of that is in .snakemake/log in any case.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from pipeline.live import DRAWS
from pipeline.live.events import RunState
from pipeline.live.views import view_on

NOISE = re.compile(  # what Snakemake says without an event, and nobody waits for or the view says in its way
    r"Building DAG|Using (shell|workflow specific profile|profile)|Select jobs to execute|Execute \d+ jobs"
    r"|Group jobs: inactive|Conda environments: ignored|Singularity containers: ignored|host: "
    r"|Assuming unrestricted|Complete log|Job \S+ has been submitted|Will exit after finishing"
    r"|Removing output files of failed job|Shutting down, this might|Exiting because a job execution failed"
    r"|RuleException:\s+CalledProcessError|WorkflowError:\s+At least one job did not complete"
    r"|Elapsed time|SLURM run ID|\[\w{3} \w{3}"
)


class LogHandler(LogHandlerBase):
    """Draws the state of a run; errors of jobs stay above the line, whole."""

    writes_to_stream, writes_to_file, needs_rulegraph = True, False, False
    has_filter, has_formatter = True, True

    def __post_init__(self) -> None:
        """Choose between a live line, plain lines and Snakemake's own log."""
        asked = self.common_settings
        logging.raiseExceptions = False  # Snakemake's log on a full disk: no trace for each of its lines
        self.state, self.view = RunState(), None
        self.own = None
        if asked.dryrun or asked.verbose or asked.printshellcmds or asked.debug_dag or asked.quiet:
            self.own = _snakemakes(asked)
        else:
            stream = sys.stdout if asked.stdout else sys.stderr
            self.view = view_on(stream, self.state, asked.nocolor)
            os.environ[DRAWS] = socket.gethostname()  # jobs on this machine leave their errors to the view

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of Snakemake's."""
        try:
            if self.own is not None:
                if self.own.filter(record):
                    self.own.emit(record)
            else:
                self._take(getattr(record, "event", None), record)
        except Exception:  # a line that cannot be drawn must not end a run
            self.handleError(record)

    def _take(self, event, record) -> None:
        if event == LogEvent.RUN_INFO:
            self.state.plan(record.stats)
            self.view.start()
        elif event == LogEvent.JOB_INFO:
            self.state.begin(record)
        elif event == LogEvent.JOB_FINISHED:
            said = self.state.end(record.job_id)
            if said is not None:
                self.view.ended(said)
        elif event == LogEvent.JOB_ERROR:
            said = record.jobid, record.rule_name, record.log, record.rule_msg, bool(record.indent)
            for line in self.state.fail(*said):
                self.view.write(line, error=True)
        elif event == LogEvent.GROUP_ERROR:
            logs = ", ".join(record.aux_logs) or "none"
            self.view.write(f"failed: a group of {len(record.job_error_info)} jobs; log: {logs}", error=True)
        elif event in (None, LogEvent.ERROR):
            text = record.getMessage()
            if text and text != "None" and not NOISE.match(text):
                self.view.write(text, error=record.levelno >= logging.ERROR)

    def close(self) -> None:
        """Take the line away and say how the run ended."""
        if self.view is not None:
            self.view.stop()
            os.environ.pop(DRAWS, None)
        super().close()


def _snakemakes(settings):
    """Return the handler that Snakemake itself would use."""
    from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

    s = settings
    return ColorizingTextHandler(
        nocolor=s.nocolor,
        stream=sys.stdout if s.stdout else sys.stderr,
        formatter=DefaultFormatter(s.quiet, s.show_failed_logs),
        filter=DefaultFilter(s.quiet, s.debug_dag, s.verbose, s.dryrun, s.printshellcmds),
    )
