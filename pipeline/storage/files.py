"""Files that are written whole or not at all, and their checksums."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import ArtifactError

DIGEST_SIZE = 32  # bytes of a SHA-256
CHECKED_SIZE = 100_000_000  # bytes, as in profiles/: larger files are not read just to see what changed


@contextmanager
def replacing(path, announce: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Yield a temporary path in `path`'s folder; on success flush it and rename it to `path`.

    On any exception the temporary file is removed and `path` stays as it was. Several processes may write
    the same path at once, on one machine or on several that share the folder: each has a file of its own,
    and the last one that is done stays. A full disk or a folder that cannot be written raises ArtifactError.

    announce: called with the finished temporary file just before it is renamed.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")  # process ids repeat on a cluster
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        if announce is not None:
            announce(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.isdir(path):
            raise ArtifactError(
                f"{path}: a folder is where a file belongs; delete it and run again: "
                f"rm -r {path} && snakemake --cores all"
            ) from error
        raise ArtifactError(
            f"{path}: cannot be written ({os.strerror(error.errno) if error.errno else error}); "
            "nothing was left behind; free space or mend permissions, then run again"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def end_future_times(files: Iterable[str]) -> None:
    """Give files whose time lies in the future the present one.

    A clock that ran ahead and was set back leaves them. Snakemake refuses new files if an input is newer.
    """
    now = time.time()
    for file in files:
        with suppress(OSError):
            if os.stat(file).st_mtime > now:
                os.utime(file, (now, now))


def write_text(path, text: str) -> None:
    """Write a text file atomically (UTF-8, line ends as given)."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())


def write_checked(path, content) -> None:
    """Write bytes after their SHA-256, atomically: what `read_checked` reads back."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(hashlib.sha256(content).digest())
        file.write(content)


def read_checked(path) -> memoryview:
    """Return what `write_checked` wrote.

    Raises OSError if the file cannot be read, ValueError if a byte of it has changed or it is no file.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"{path}: is no regular file")
    stored = memoryview(Path(path).read_bytes())
    content = stored[DIGEST_SIZE:]
    if hashlib.sha256(content).digest() != stored[:DIGEST_SIZE]:
        raise ValueError(f"{path}: is damaged")
    return content


def checksum(path) -> str:
    """Return the SHA-256 of a file's content, or of the names and contents of all files in a folder."""
    if os.path.isdir(path):
        files = sorted(f for f in Path(path).rglob("*") if f.is_file())
        listed = "\n".join(f"{checksum(f)} {f.relative_to(path)}" for f in files)
        return hashlib.sha256(listed.encode()).hexdigest()
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
