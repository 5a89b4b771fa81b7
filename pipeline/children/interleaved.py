"""Several trainings in one process, a step of each in turn."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import torch

Training = Generator[None, None, object]  # stops after each step; returns its result


def alone(training: Training):
    """Run one training to its end; return its result."""
    return next(interleaved([training], 1, torch.device("cpu")))[1]


def interleaved(
    trainings: Iterable[Training], lanes: int, device: torch.device
) -> Iterator[tuple[int, object]]:
    """Run trainings, at most `lanes` at a time; yield (place in `trainings`, result) as each one ends.

    On CUDA each lane has a stream of its own, so that small networks share the device. A training must not
    leave a mark on the process between two of its steps; then its result is the same as alone.
    """
    on_cuda = device.type == "cuda" and lanes > 1
    streams = [torch.cuda.Stream(device) if on_cuda else None for _ in range(lanes)]
    waiting = enumerate(trainings)
    running: dict[int, tuple[int, Training]] = {}  # lane -> (place, training)
    busy = True
    while busy:
        busy = False
        for lane, stream in enumerate(streams):
            if lane not in running:
                begun = next(waiting, None)
                if begun is None:
                    continue
                running[lane] = begun
                if stream is not None:  # what the training reads was made on the stream of all
                    stream.wait_stream(torch.cuda.current_stream(device))
            busy = True
            place, training = running[lane]
            try:
                with torch.cuda.stream(stream):  # None: does nothing
                    next(training)
            except StopIteration as end:
                del running[lane]
                yield place, end.value
