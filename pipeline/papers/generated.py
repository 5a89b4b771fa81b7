"""Tables of generated cells (`pipeline.semigan.command`) as one table of measures, as predictors have it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("part", "name", "detail", "generated_mean", "generated_std", "n_runs", "benchmark", "n_train")
OWN = "benchmark"  # the row of the benchmark's own cells


def measures(files: Sequence[Path | str]) -> pd.DataFrame:
    """Return a row a strategy, and one of each benchmark's own cells, named `OWN`.

    files: <benchmark>/<strategy>.csv. Index: benchmark, strategy, n_train (labelled cells of a model).
    Columns: n_runs (models), and of each share <part>/<name>/<detail>_mean and _std, as fractions; what is
    empty in the file is left out of the measure's name. Raises DataError for a file that is no such table.
    """
    import pandas as pd

    rows: dict[tuple, dict] = {}
    for file in map(Path, files):
        for row in _read(file).itertuples():
            measure = "/".join(text for text in (row.part, row.name, row.detail) if text)
            key = file.parent.name, file.stem, int(row.n_train)
            of_model = rows.setdefault(key, {"n_runs": int(row.n_runs)})
            of_model |= {f"{measure}_mean": row.generated_mean, f"{measure}_std": row.generated_std}
            rows.setdefault((key[0], OWN, key[2]), {"n_runs": 1})[f"{measure}_mean"] = row.benchmark
    index = pd.MultiIndex.from_tuples(rows, names=["benchmark", "strategy", "n_train"])
    return pd.DataFrame(list(rows.values()), index=index)


def _read(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise DataError(f"{file}: no table of generated cells can be read from it ({error})") from error
    if missing := set(COLUMNS) - set(table.columns):
        raise DataError(f"{file}: it has no column {min(missing)}; give a table of the target generated")
    for name in COLUMNS[3:]:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table
