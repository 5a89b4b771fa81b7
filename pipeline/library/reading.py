"""Any artifact's table as pandas."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import ArtifactError
from pipeline.storage.artifacts import get_provenance, get_table, open_h5
from pipeline.storage.sidecars import read_run_record


def read_artifact(path: Path | str):
    """Return the table of an artifact (.h5 or .csv) as a DataFrame.

    Its `attrs` hold kind, provenance (what made it) and run (how long it took, where), as far as they are
    known. Raises ArtifactError if the file is missing, damaged, no artifact, or has no table.
    """
    import pandas as pd

    path = Path(path)
    if path.suffix == ".csv":
        if not path.is_file():
            raise ArtifactError(f"{path}: no such file; run the stage that makes it (snakemake {path})")
        try:
            table = pd.read_csv(path)
        except ValueError as error:  # pandas' errors are such
            raise ArtifactError(f"{path}: not a CSV table ({error})") from error
        run = read_run_record(path)
        facts = {"kind": "csv", "provenance": run.pop("provenance", None)}
    else:
        with open_h5(path) as handle:
            table = get_table(handle)
            facts = {"kind": str(handle.attrs["kind"]), "provenance": get_provenance(handle)}
        run = read_run_record(path)
    table.attrs.update(facts, run=run)
    return table
