"""The reader of CSV and Parquet tables: what it reads, and what it refuses."""

from __future__ import annotations

import builtins
import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import zstandard
from pyarrow import parquet
from pydantic import ValidationError

from pipeline import spaces
from pipeline.benchmarks.readers import csv
from pipeline.benchmarks.source import check
from pipeline.errors import DataError

VAL, TEST, FINE = "cifar10-valid/val_acc@200", "cifar10/test_acc@200", "cifar100/test_acc@200"


def settings(**changes) -> csv.Settings:
    """Three metrics of NAS-Bench-201 in percent, and the parameters in millions."""
    given = {
        "columns": {"arch_str": "arch"},
        "metrics": {VAL: ["val 1", "val 2"], TEST: "test", FINE: "fine"},
        "costs": {"params": {"column": "params_M", "factor": 1e6}, "cifar10/train_seconds@200": "seconds"},
        "unit": "percent",
    }
    return csv.Settings(**(given | changes))


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    """A line of names and 20 cells."""
    space, rng = spaces.load("nasbench201"), np.random.default_rng(0)
    cells = space.cell_ids(space.sample(20, rng))
    found = [["index", "arch", "val 1", "val 2", "test", "fine", "params_M", "seconds"]]
    for i, cell in enumerate(cells):
        found.append([str(i), cell, f"{90 + i / 10}", "91.5", "92.25", f"{60 + i}", "0.073306", f"{i}.5"])
    return found


def written(folder: Path, rows, name="table.csv", end="\n", changes=None) -> Path:
    """Write rows (the changed fields: {(row, column): text}) as a CSV file."""
    text = end.join(
        ",".join((changes or {}).get((i, k), field) for k, field in enumerate(row))
        for i, row in enumerate(rows)
    )
    path = folder / name
    path.write_text(text + end, newline="")
    return path


def test_read(tmp_path, rows):
    path = written(tmp_path, rows)
    source = csv.read(path, settings(), "nasbench201")
    check(source, path)
    assert source.cells == [row[1] for row in rows[1:]]
    assert source.metrics[VAL].shape == (20, 2) and source.metrics[VAL].dtype == np.float32
    np.testing.assert_allclose(source.metrics[VAL][3], [0.903, 0.915], rtol=1e-6)
    np.testing.assert_allclose(source.metrics[FINE][:, 0], np.arange(60, 80) / 100, rtol=1e-6)
    assert source.costs["params"].dtype == np.int64 and set(source.costs["params"]) == {73306}
    np.testing.assert_array_equal(source.costs["cifar10/train_seconds@200"], np.arange(20) + 0.5)
    assert "params_M" in source.notes["params"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_compressed_and_windows(tmp_path, rows, end, ending, pack):
    plain = written(tmp_path, rows, end=end)
    packed = tmp_path / f"table.csv.{ending}"
    packed.write_bytes(pack.compress(b"\xef\xbb\xbf" + plain.read_bytes()))  # with a byte-order mark
    one, other = (csv.read(path, settings(), "nasbench201") for path in (plain, packed))
    assert one.cells == other.cells
    np.testing.assert_array_equal(one.metrics[VAL], other.metrics[VAL])
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"table\.csv\.\w+: .*cut short"):
        csv.read(packed, settings(), "nasbench201")


def test_zstandard(tmp_path, rows):
    plain = written(tmp_path, rows).read_bytes()
    packed, half = tmp_path / "table.csv.zst", len(plain) // 2
    frames = [zstandard.ZstdCompressor().compress(part) for part in (plain[:half], plain[half:])]
    packed.write_bytes(b"".join(frames))
    assert csv.read(packed, settings(), "nasbench201").cells == [row[1] for row in rows[1:]]
    for content in (packed.read_bytes()[:-9], b"no frame"):
        packed.write_bytes(content)
        with pytest.raises(DataError, match="cut short"):
            csv.read(packed, settings(), "nasbench201")


def test_parquet(tmp_path, rows):

    path = tmp_path / "table.parquet"
    columns = {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}
    columns["test"] = [float(text) for text in columns["test"]]
    parquet.write_table(pyarrow.table(columns), path)
    source = csv.read(path, settings(), "nasbench201")
    np.testing.assert_allclose(source.metrics[TEST], 0.9225, rtol=1e-6)
    columns["test"][4] = None
    parquet.write_table(pyarrow.table(columns), path)
    with pytest.raises(DataError, match="row 5, column 'test': empty"):
        csv.read(path, settings(), "nasbench201")
    with pytest.raises(DataError, match="no column 'other'; it has 'index', 'arch'"):
        csv.read(path, settings(metrics={TEST: "other"}), "nasbench201")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="not a whole Parquet file"):
        csv.read(path, settings(), "nasbench201")


def test_without_pyarrow(tmp_path, monkeypatch):
    whole = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match="needs the package pyarrow: pip install pyarrow"):
        csv.read(tmp_path / "table.parquet", settings(), "nasbench201")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({(3, 4): ""}, r"row 3 \(line 4\), column 'test': empty"),
        ({(3, 4): "nan"}, r"row 3 \(line 4\), column 'test': 'nan' is no finite number"),
        ({(20, 3): "-inf"}, r"row 20 \(line 21\), column 'val 2': '-inf' is no finite number"),
        ({(3, 4): "n/a"}, "column 'test': 'n/a' is no finite number"),
        ({(3, 4): "9_1"}, "column 'test': '9_1' is no finite number"),
        ({(3, 4): "101"}, "column 'test': 101 is no accuracy in unit percent .*expected 0 to 100"),
        ({(3, 4): "-1"}, "column 'test': -1 is no accuracy"),
        ({(3, 4): "0.93"}, "column 'test': 0.93 is no accuracy .*fraction among percent"),
        ({(3, 5): "0.4"}, "column 'fine': 0.4 is no accuracy .*fraction among percent"),
        ({(i, 5): "0.7" for i in range(1, 21)}, "column 'fine': 0.7 .*look like fractions: give unit"),
        ({(3, 6): "-0.1"}, "column 'params_M': '-0.1' is no cost"),
        ({(3, 6): ""}, "column 'params_M': empty"),
        ({(3, 1): "|conv~0|"}, r"row 3 \(line 4\): '\|conv~0\|' is no cell"),
        ({(0, 2): "test"}, "column 'test' comes twice"),
        ({(0, 4): "exam"}, "no column 'test'; it has 'index', 'arch', 'val 1'"),
        ({(3, 4): "92,1"}, r"row 3 \(line 4\): 9 values, expected 8"),
        ({(3, 4): '"92'}, "not a CSV row|is longer|values"),
    ],
)
def test_refused(tmp_path, rows, changes, says):
    path = written(tmp_path, rows, changes=changes)
    with pytest.raises(DataError, match=says) as refused:
        csv.read(path, settings(), "nasbench201")
    assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)


def test_same_cell_twice(tmp_path, rows):
    path = written(tmp_path, [*rows[:5], rows[2]])
    with pytest.raises(DataError, match=r"row 5 \(line 6\): the same cell as row 2 \(line 3\)"):
        csv.read(path, settings(), "nasbench201")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "no column 'arch'"),
        ("a.csv", b"index,arch,val 1,val 2,test,fine,params_M,seconds\n\n", "the table is empty"),
        ("a.csv", b"arch,\xff\xfe\n", "line 1, byte 6: not UTF-8"),
        ("a.csv", b"arch\0,test\n", "line 1 holds zero bytes"),
        ("a.csv", b"a" * (2 << 20), "line 1 has more than"),
        ("a.csv.gz", b"arch,test\n", "cannot be read"),
        ("a.xlsx", b"PK", "unknown kind of table"),
    ],
)
def test_no_table(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        csv.read(tmp_path / name, settings(), "nasbench201")


def test_unit_fraction(tmp_path, rows):
    in_fractions = [rows[0]] + [[*r[:2], "0.9", "0.91", "0.92", "0.6", *r[6:]] for r in rows[1:]]
    fractions = settings(unit="fraction")
    path = written(tmp_path, in_fractions)
    np.testing.assert_allclose(csv.read(path, fractions, "nasbench201").metrics[TEST], 0.92, rtol=1e-6)
    path = written(tmp_path, in_fractions, changes={(7, 4): "92"})
    with pytest.raises(DataError, match=r"row 7 .*92 is no accuracy .*percent among fractions"):
        csv.read(path, fractions, "nasbench201")
    with pytest.raises(DataError, match="column 'val 1': 90.0 .*percent: give unit: percent"):
        csv.read(written(tmp_path, rows), fractions, "nasbench201")
    path = written(tmp_path, in_fractions, changes={(i, 5): "60" for i in range(1, 21)})
    units = {VAL: "fraction", TEST: "fraction", FINE: "percent"}
    np.testing.assert_allclose(
        csv.read(path, settings(unit=units), "nasbench201").metrics[FINE], 0.6, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"metrics": {"val_acc": "x"}}, "expected <data set>/<what>@<epochs>"),
        ({"unit": {VAL: "percent"}}, "expected one for each of"),
        ({"unit": "per mille"}, "percent"),
        ({"columns": {}}, "columns"),
        ({"delimiter": "ab"}, "delimiter"),
        ({"metrics": {VAL: []}}, "at least 1"),
    ],
)
def test_settings_refused(change, says):
    with pytest.raises(ValidationError, match=says):
        settings(**change)


def test_unknown_role_names_the_file(tmp_path, rows):
    with pytest.raises(DataError, match=r"table\.csv: .*expected one of genotype, compact_arch, cell"):
        csv.read(written(tmp_path, rows), settings(), "darts")


def mutated(content: bytes, rng) -> bytes:
    """Change, remove, double or insert bytes at a few places, or cut the end off; digits are hit most."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 30))
        kind = rng.integers(12)
        if kind == 0:
            data[at : at + 1] = bytes([rng.integers(256)])
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + length]
        elif kind == 3:
            data[at:at] = rng.choice([b",", b'"', b"\n", b"1e999", b"-", b"\r", b"|", b"_", b"9" * 30])
        elif kind == 4:
            del data[at:]
        elif digits := [k for k, byte in enumerate(data) if byte in b"0123456789."]:
            data[rng.choice(digits)] = rng.choice(list(b"0123456789.-eE_n x"))
    return bytes(data)


@pytest.mark.parametrize(("ending", "n"), [("csv", 1500), ("csv.gz", 500), ("csv.xz", 300), ("csv.bz2", 300)])
def test_fuzz(tmp_path, rows, ending, n):
    rng, given = np.random.default_rng(len(ending)), settings()
    pack = {"csv.gz": gzip.compress, "csv.xz": lzma.compress, "csv.bz2": bz2.compress}.get(ending, bytes)
    content, path = pack(written(tmp_path, rows[:7]).read_bytes()), tmp_path / f"fuzz.{ending}"
    refused = 0
    for _ in range(n):
        path.write_bytes(mutated(content, rng))
        try:
            source = csv.read(path, given, "nasbench201")
            check(source, path)
        except DataError as error:
            refused += 1
            assert str(path) in str(error) and len(str(error)) < 2000
        else:
            assert all(np.isfinite(values).all() for values in source.metrics.values())
    assert n // 3 < refused


def test_fuzz_parquet(tmp_path, rows):

    path, rng = tmp_path / "fuzz.parquet", np.random.default_rng(0)
    parquet.write_table(pyarrow.table({n: [r[k] for r in rows[1:]] for k, n in enumerate(rows[0])}), path)
    content = path.read_bytes()
    for _ in range(300):
        path.write_bytes(mutated(content, rng))
        try:
            csv.read(path, settings(), "nasbench201")
        except DataError as error:
            assert str(path) in str(error)


TABLES = {
    "nasbench101_validation_30001.csv.gz": (
        "nasbench101",
        {
            "columns": {"adjacency": "adjacency", "ops": "ops", "hash": "hash"},
            "metrics": {f"cifar10/val_acc@{n}": f"val_acc_{n}" for n in (4, 12, 36, 108)},
            "costs": {"params": "trainable_parameters", "cifar10/train_seconds@108": "training_time_108"},
        },
        30_001,
    ),
    "nasbench201_15625.csv.gz": (
        "nasbench201",
        {
            "columns": {"arch_str": "arch_str"},
            "metrics": {
                VAL: "cifar10_val_acc_200",
                TEST: "cifar10_test_acc_200_mean",
                FINE: "cifar100_test_acc_200_mean",
            },
            "unit": "percent",
        },
        15_625,
    ),
    "nasbench301_surrogate_1218.csv.gz": (
        "darts",
        {
            "columns": {"compact_arch": "compact_arch"},
            "metrics": {"cifar10/val_acc@100": "val_acc_surrogate"},
            "costs": {"params": {"column": "params_M", "factor": 1e6}},
            "unit": "percent",
        },
        1218,
    ),
}
BEST = {
    "cifar10/val_acc@108": 0.94912,
    VAL: 0.9157,
    TEST: 0.94373,
    FINE: 0.73513,
    "cifar10/val_acc@100": 0.94489,
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", TABLES)
def test_real_tables(data_dir, name):
    space, given, n = TABLES[name]
    source = csv.read(data_dir / name, csv.Settings(**given), space)
    check(source, data_dir / name)
    assert len(source.archs) == len(set(source.cells)) == n
    for metric in BEST.keys() & source.metrics.keys():
        assert source.metrics[metric].max() == pytest.approx(BEST[metric], abs=1e-5)
    if "params" in source.costs:
        assert source.costs["params"].dtype == np.int64


@pytest.mark.real_data
def test_real_table_with_the_wrong_hash_column(data_dir, tmp_path):
    lines = gzip.decompress((data_dir / "nasbench101_validation_30001.csv.gz").read_bytes()).split(b"\n")[:50]
    lines[7] = lines[8][:32] + lines[7][32:]
    path = tmp_path / "swapped.csv"
    path.write_bytes(b"\n".join(lines))
    space, given, _ = TABLES["nasbench101_validation_30001.csv.gz"]
    with pytest.raises(DataError, match=r"row 7 \(line 8\): hash"):
        csv.read(path, csv.Settings(**given), space)
