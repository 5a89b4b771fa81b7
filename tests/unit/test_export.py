"""`export`: tables as CSV, exactly."""

import csv

import numpy as np
import pytest

from pipeline.__main__ import main
from pipeline.job import Job
from pipeline.storage.artifacts import put, put_table, write_h5


@pytest.fixture
def artifact(tmp_path):
    path = tmp_path / "some.h5"
    with write_h5(path, "benchmark", Job("test", {})) as handle:
        put_table(
            handle,
            {
                "cell": ["a,b", 'say "x"', "é"],
                "digits/val_acc@12": np.array([0.1, np.nan, 1 / 3], dtype=np.float32),
                "train_flops": np.array([1e20, 1 / 3, -np.inf]),
                "params": np.array([7, 2**40, 0], dtype=np.int64),
            },
        )
    return path


def export(path, out):
    return main(["export", str(path), "--csv", str(out)])


def test_numbers_and_texts_read_back_exactly(artifact, tmp_path):
    assert export(artifact, tmp_path / "t.csv") == 0
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as handle:
        header, *rows = csv.reader(handle)
    assert header == ["cell", "digits/val_acc@12", "train_flops", "params"]
    assert [row[0] for row in rows] == ["a,b", 'say "x"', "é"]
    assert [row[1] for row in rows] == ["0.1", "", "0.33333334"]  # shortest float32; NaN is empty
    assert [float(row[2]) for row in rows] == [1e20, 1 / 3, -np.inf]
    assert [row[3] for row in rows] == ["7", "1099511627776", "0"]


def test_same_bytes_with_unix_line_ends(artifact, tmp_path):
    export(artifact, tmp_path / "a.csv")
    export(artifact, tmp_path / "b.csv")
    text = (tmp_path / "a.csv").read_bytes()
    assert text == (tmp_path / "b.csv").read_bytes()
    assert text.count(b"\n") == 4 and b"\r" not in text


def test_standard_output(artifact, capsys):
    assert main(["export", str(artifact)]) == 0
    assert capsys.readouterr().out.startswith("cell,digits/val_acc@12,train_flops,params\n")


def test_without_a_table_one_line_says_so(tmp_path, capsys):
    path = tmp_path / "bare.h5"
    with write_h5(path, "space", Job("test", {})) as handle:
        put(handle, "keys", np.arange(3))
    assert export(path, tmp_path / "t.csv") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "bare.h5" in error and "no table" in error
    assert not (tmp_path / "t.csv").exists()


def test_missing_and_damaged_files_are_refused(tmp_path, capsys):
    assert export(tmp_path / "none.h5", tmp_path / "t.csv") == 1
    (tmp_path / "half.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
    assert export(tmp_path / "half.h5", tmp_path / "t.csv") == 1
    error = capsys.readouterr().err
    assert "no such file" in error and "not a whole HDF5 file" in error
