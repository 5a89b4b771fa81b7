"""The faults. Each is done to a running workflow; it returns what it did, None if there was nothing to do."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

from tests.faults.run import Run

DAMAGEABLE = (".h5", ".csv", ".html", ".npz", ".pt", ".json")
ARTIFACTS = (".h5", ".csv", ".html")
YEAR = 365 * 86_400  # seconds


def kill_worker(run: Run, chance: random.Random) -> str | None:
    """Kill -9 one of the commands at work."""
    workers = run.workers()
    return f"killed {_kill(chance.choice(workers))}" if workers else None


def kill_snakemake(run: Run, chance: random.Random) -> str | None:
    """Kill -9 Snakemake."""
    return None if run.over() else f"killed {_kill(run.process.pid)}"


def _kill(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        os.kill(process, signal.SIGKILL)
    except OSError:
        return "a process that had just ended"
    return b" ".join(words[1:4]).decode()


def flip_byte(run: Run, chance: random.Random) -> str | None:
    """Change one byte of a file of the results: artifact, sidecar, checkpoint or kept part."""
    file = _choose(run, chance, DAMAGEABLE)
    if file is None:
        return None
    content = bytearray(file.read_bytes())
    where = chance.randrange(len(content))
    content[where] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    return f"flipped byte {where} of {_named(run, file)}"


def cut_short(run: Run, chance: random.Random) -> str | None:
    """Cut the end off a file of the results."""
    file = _choose(run, chance, DAMAGEABLE)
    if file is None:
        return None
    size = chance.randrange(file.stat().st_size)
    os.truncate(file, size)
    return f"cut {_named(run, file)} to {size} bytes"


def make_unreadable(run: Run, chance: random.Random) -> str | None:
    """Put a folder, or a link to nowhere, in an artifact's place; or take away its permissions."""
    file = _choose(run, chance, ARTIFACTS)
    if file is None:
        return None
    ways = ["a folder", "a link to nowhere"] + (["no permissions"] if os.geteuid() else [])
    way = chance.choice(ways)
    if way == "no permissions":
        file.chmod(0)
        return f"{_named(run, file)}: {way}"
    file.unlink()
    if way == "a folder":
        file.mkdir()
    else:
        file.symlink_to("nowhere")
    return f"{way} in place of {_named(run, file)}"


def move_clock(run: Run, chance: random.Random) -> str | None:
    """Leave what a clock that was moved leaves: times of files far ahead or far back."""
    files = sorted(f for f in (run.project.root / "results").rglob("*") if f.suffix in ARTIFACTS)
    if not files:
        return None
    chosen, shift = chance.sample(files, min(3, len(files))), chance.choice([-YEAR, YEAR])
    for file in chosen:
        try:
            moment = file.stat().st_mtime + shift
            os.utime(file, (moment, moment))
        except OSError:  # replaced just now
            continue
    return f"times moved by {shift // 86_400} days: {', '.join(_named(run, file) for file in chosen)}"


def fill_disk(run: Run, chance: random.Random) -> str | None:
    """Leave no block of the project's file system, until Snakemake has ended or for some seconds."""
    free = shutil.disk_usage(run.project.root).free
    if free > 2_000_000_000:  # not one that was mounted for this
        return None
    ballast = run.project.root / "ballast"
    try:
        with open(ballast, "wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError:
        pass
    deadline = time.monotonic() + chance.uniform(2, 20)
    while not run.over() and time.monotonic() < deadline:
        time.sleep(0.2)
    ballast.unlink()
    return f"no space on the disk with {free >> 20} MiB taken away"


def _choose(run: Run, chance: random.Random, endings: tuple[str, ...]) -> Path | None:
    """Return a file that is not empty; every kind of file is as likely.

    Of sidecars only those of HDF5 files, which hold no provenance: of a table, that is lost with them.
    """
    found: dict[str, list[Path]] = {}
    for file in sorted((run.project.root / "results").rglob("*")):
        is_sidecar = file.suffix == ".json"
        if is_sidecar and not file.name.endswith(".h5.run.json"):
            continue
        if file.suffix in endings and file.is_file() and file.stat().st_size:
            found.setdefault(file.suffix, []).append(file)
    return chance.choice(found[chance.choice(sorted(found))]) if found else None


def _named(run: Run, file: Path) -> str:
    return str(file.relative_to(run.project.root))


FAULTS = {
    "kill a worker": kill_worker,
    "kill snakemake": kill_snakemake,
    "flip a byte": flip_byte,
    "cut short": cut_short,
    "unreadable": make_unreadable,
    "clock": move_clock,
    "full disk": fill_disk,
}
