"""How long the rest of a run takes: jobs' estimated seconds, corrected by what was measured so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

START = 5.0  # seconds that no job stays under: the interpreter, torch
KNOWN = 60.0  # seconds of work by which estimates are trusted: what is measured counts beside them


@dataclass(frozen=True)
class Running:
    """A job that runs. expected: estimated seconds. elapsed: seconds. left: by its own rate, or None."""

    rule: str
    expected: float
    elapsed: float
    left: float | None = None


def seconds_left(
    finished: Iterable[tuple[str, float, float]],
    running: Sequence[Running],
    waiting: Sequence[tuple[str, float]],
    slots: int,
) -> float | None:
    """Return the seconds until all is done; None while nothing was measured.

    finished: (rule, expected, taken) of each job that is done. waiting: (rule, expected). slots: jobs that
    run side by side. A rule's estimates are corrected by its own finished jobs; those of a rule without any
    by the work of all of them together and the estimates themselves. It is the time of equal slots that are
    never idle, or of the longest job if that is more.
    """
    finished = list(finished)
    if not finished and all(job.left is None for job in running):
        return None
    own: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])  # rule -> taken, expected
    for rule, guess, taken in finished:
        own[rule][0] += taken
        own[rule][1] += guess
    work = sum(guess - START for _, guess, _ in finished)
    spent = sum(max(taken - START, 0.0) for _, guess, taken in finished if guess > START)
    common = (spent + KNOWN) / (work + KNOWN)

    def corrected(rule: str, guess: float) -> float:
        if rule in own:
            return guess * (own[rule][0] + KNOWN) / (own[rule][1] + KNOWN)
        return START + (guess - START) * common

    now = [
        job.left if job.left is not None else max(corrected(job.rule, job.expected) - job.elapsed, 0.0)
        for job in running
    ]
    then = [corrected(rule, guess) for rule, guess in waiting]
    parallel = max(1, min(slots, len(now) + len(then)))
    return max((sum(now) + sum(then)) / parallel, max([*now, *then], default=0.0))


def in_words(seconds: float | None) -> str:
    """Return "2 min left"; empty if unknown, or if nothing is left."""
    if not seconds:
        return ""
    if seconds < 90:
        return f"{max(round(seconds / 5) * 5, 5)} s left"
    if seconds < 5400:
        return f"{round(seconds / 60)} min left"
    hours = seconds / 3600
    return f"{hours:.1f} h left" if hours < 48 else f"{hours / 24:.1f} days left"
