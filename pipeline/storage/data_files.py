"""Names of files and folders in `data_dir`, as a configuration may give them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.errors import ConfigError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 1000  # characters; file systems allow 255 for a name and about 4,000 for a path


def _checked(name: str) -> str:
    if _CONTROL.search(name):
        raise ValueError(f"{name[:80]!r} holds line breaks or other control characters; rename the file")
    if "{" in name or "}" in name:
        raise ValueError(f"{name[:80]!r} holds braces, which Snakemake takes for wildcards; rename the file")
    if len(name) > _LONGEST:
        raise ValueError(f"{name[:80]!r}… has {len(name)} characters, expected at most {_LONGEST}")
    return name


def _in_data_dir(name: str) -> str:
    path = Path(_checked(name))
    if ".." in path.parts and not path.is_absolute() and not name.startswith("~"):
        raise ValueError(
            f"{name!r} leads out of data_dir; name a file in it, or give the whole path, from / or ~ on"
        )
    return name


# A name below data_dir; or a whole path, which nobody writes by accident.
DataFile = Annotated[str, Field(min_length=1), AfterValidator(_in_data_dir)]
DataFolder = Annotated[str, AfterValidator(_checked)]


def place_of(name: str, data_dir: str) -> Path:
    """Return where the file or folder `name` of a configuration lies: in data_dir unless the path is whole.

    Raises ConfigError if one begins with ~ and the name of nobody.
    """
    try:
        return Path(data_dir).expanduser() / Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"data_dir: {data_dir!r}, file {name!r}: {error}") from error
