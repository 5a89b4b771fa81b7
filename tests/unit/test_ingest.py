"""Reading a benchmark file into a table: choice of the file, checksums, splits, checks of every source."""

from __future__ import annotations

import hashlib
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from pipeline.benchmarks import describe, ingest
from pipeline.benchmarks.file_settings import SplitSettings
from pipeline.benchmarks.locate import judged_by, listing, locate
from pipeline.benchmarks.settings import FileBenchmark
from pipeline.benchmarks.source import Source, check
from pipeline.benchmarks.split import roles
from pipeline.benchmarks.tables import BenchmarkTable, load_table, write_table
from pipeline.errors import ConfigError, DataError
from pipeline.job import Job
from pipeline.spaces import nasbench1shot1_1, nasbench201
from pipeline.storage.artifacts import get_provenance, open_h5

VAL, TEST = "cifar10-valid/val_acc@200", "cifar10/test_acc@200"
CELLS = nasbench201.enumerate_cells()[np.arange(10) * 1500 + 7]


def csv_file(folder, name="bench.csv", rows=None):
    rows = rows or [f"{cell},{60 + n}.5,{61 + n}" for n, cell in enumerate(nasbench201.cell_ids(CELLS))]
    (folder / name).write_text("\n".join(["arch,val,test", *rows]) + "\n")
    return folder / name


def benchmark(**changes) -> FileBenchmark:
    file = {
        "reader": "csv",
        "file": "bench.csv",
        "columns": {"arch_str": "arch"},
        "unit": "percent",
        "metrics": {VAL: "val", TEST: "test"},
    }
    values = {
        "source": "files",
        "space": "nasbench201",
        "files": [file],
        "val_metric": VAL,
        "test_metric": TEST,
    }
    return FileBenchmark(**values | {"split": {"labelled": 6, "held_out": 3, "order": "file"}} | changes)


def settings_of(b: FileBenchmark, **changes) -> dict:
    dump = b.model_dump(mode="json")
    keys = ("space", "val_metric", "test_metric", "split")
    return {"benchmark": "bench", "file": dump["files"][0] | changes, **{key: dump[key] for key in keys}}


def read(folder, b=None, **changes):
    path = folder / (b or benchmark()).files[0]["file"]
    job = Job("ingest", settings_of(b or benchmark(), **changes), seed=1)
    ingest.run(Namespace(file=path, out=folder / "out.h5"), job)
    return load_table(folder / "out.h5")


def test_a_file_becomes_a_table_with_roles_and_provenance(tmp_path):
    path = csv_file(tmp_path)
    table = read(tmp_path)
    assert table.cells == nasbench201.cell_ids(CELLS)
    assert table.role.tolist() == ["labelled"] * 6 + ["held_out"] * 3 + ["unused"]
    np.testing.assert_allclose(table.mean(VAL), (np.arange(10) + 60.5) / 100, rtol=1e-6)
    np.testing.assert_allclose(table.test_mean, (np.arange(10) + 61) / 100, rtol=1e-6)
    assert table.source["reader"] == "csv" and table.source["file"] == "bench.csv"
    with open_h5(tmp_path / "out.h5") as handle:
        sums = get_provenance(handle)["inputs"]
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    before = (tmp_path / "out.h5").read_bytes()
    read(tmp_path)
    assert (tmp_path / "out.h5").read_bytes() == before


def test_the_description_names_what_a_user_asks_first(tmp_path):
    csv_file(tmp_path)
    read(tmp_path)
    text = describe.describe(tmp_path / "out.h5")
    assert "bench: 10 cells of nasbench201 (a tiny part of the space's 15,625)" in text
    assert "3 held out, 6 labelled, 1 unused" in text
    assert f"{VAL}" in text and "60.50" in text and "69.50" in text and "judged by" in text
    best = nasbench201.cell_ids(CELLS)[-1]
    assert f"best by test: {best}, 70.00 % (validation 69.50 %)" in text
    assert "Kendall's tau 1.000, Spearman 1.000, Pearson 1.000 (10 cells)" in text


def test_the_description_counts_in_the_configured_space_and_in_whole_numbers(tmp_path):
    cells = nasbench1shot1_1.enumerate_cells()[:30]
    table = BenchmarkTable(
        name="shot",
        archs=cells,
        cells=nasbench1shot1_1.cell_ids(cells),
        role=np.full(30, "labelled"),
        metrics={VAL: np.linspace(0, 1, 30, dtype=np.float32)[:, None]},
        val_metric=VAL,
        test_metric=None,
        costs={"params": np.full(30, 8_555_530), "latency": np.full(30, 0.0123456)},
    )
    write_table(tmp_path / "t.h5", table, Job("ingest", {"space": "nasbench1shot1_1"}))
    text = describe.describe(tmp_path / "t.h5")
    assert "shot: 30 cells of nasbench1shot1_1 (1.1% of the space's 2,685)" in text
    assert "8,555,530" in text and "256,665,900" in text and "0.01235" in text


@pytest.mark.parametrize("name", ["sha256", "md5"])
def test_a_checksum_is_compared_with_its_beginning(tmp_path, name):
    path = csv_file(tmp_path)
    right = hashlib.new(name, path.read_bytes()).hexdigest()
    assert len(read(tmp_path, **{name: right[:6]})) == 10
    (tmp_path / "out.h5").unlink()
    with pytest.raises(
        DataError, match=f"bench.csv: wrong {name}: it begins with {right[:6]}, expected abcdef"
    ):
        read(tmp_path, **{name: "abcdef"})
    assert not (tmp_path / "out.h5").exists()


def test_a_folder_has_no_checksum(tmp_path):
    with pytest.raises(DataError, match="this is a folder; remove md5"):
        ingest.check_sums(tmp_path, None, "abcdef")


def test_what_does_not_fit_leaves_no_artifact(tmp_path):
    rows = [f"{cell},50,50" for cell in nasbench201.cell_ids(CELLS)]
    for broken, says in (
        ([*rows, rows[2]], "row 11 .*the same cell as row 3"),
        ([*rows[:-1], rows[-1].replace(",50,", ",150,")], "150"),
    ):
        csv_file(tmp_path, rows=broken)
        with pytest.raises(DataError, match=says):
            read(tmp_path)
    csv_file(tmp_path)
    with pytest.raises(DataError, match=f"no metric 'cifar10/test_acc@12', but {VAL}, {TEST}"):
        read(tmp_path, benchmark(test_metric="cifar10/test_acc@12"))
    with pytest.raises(ConfigError, match="split: 6 labelled and 5 held-out cells, but the table has 10"):
        read(tmp_path, benchmark(split={"labelled": 6, "held_out": 5}))
    (tmp_path / "bench.csv").unlink()
    with pytest.raises(DataError, match="no such file or folder; see data_dir and benchmarks.bench.files"):
        read(tmp_path)
    assert not (tmp_path / "out.h5").exists()


def test_splits_are_by_number_or_share_in_order_or_drawn():
    in_order = roles(10, SplitSettings(labelled=0.5, order="file"), 1, "b")
    assert in_order.tolist() == ["labelled"] * 5 + ["held_out"] * 5
    drawn = roles(1000, SplitSettings(labelled=300, held_out=0.2), 1, "b")
    assert [(drawn == name).sum() for name in ("labelled", "held_out", "unused")] == [300, 200, 500]
    more = roles(1000, SplitSettings(labelled=400, held_out=0.2), 1, "b")
    for role in ("labelled", "held_out"):  # more labels keep those that there were, and the test cells
        assert (more[drawn == role] == role).all()
    assert (roles(1000, SplitSettings(labelled=300, held_out=0.2), 2, "b") != drawn).any()


def test_the_first_file_that_is_there_is_chosen(tmp_path):
    other = benchmark().files[0] | {"file": "other.csv", "has_test": False}
    b = benchmark(files=[benchmark().files[0], other])
    with pytest.raises(
        ConfigError, match=r"benchmarks.b.files: there is no bench.csv or other.csv in '.*data_dir="
    ):
        locate("b", b, str(tmp_path))
    csv_file(tmp_path, "other.csv")
    assert locate("b", b, str(tmp_path))[1] == tmp_path / "other.csv"
    assert judged_by("b", b, str(tmp_path)) is None
    csv_file(tmp_path)
    entry, path = locate("b", b, str(tmp_path))
    assert path == tmp_path / "bench.csv" and entry["unit"] == "percent"
    assert judged_by("b", b, str(tmp_path)) == TEST


def test_a_home_folder_may_be_meant(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    csv_file(tmp_path)
    assert locate("b", benchmark(), "~")[1] == tmp_path / "bench.csv"


def test_a_folder_is_told_from_what_it_was(tmp_path):
    file = csv_file(tmp_path)
    assert listing(file) == ""
    (tmp_path / "f" / "deep").mkdir(parents=True)
    seen = [listing(tmp_path / "f")]
    (tmp_path / "f" / "deep" / "results_1.json").write_text("{}")
    seen.append(listing(tmp_path / "f"))
    (tmp_path / "f" / "deep" / "results_1.json").write_text("{ }")
    seen.append(listing(tmp_path / "f"))
    assert len(set(seen)) == 3 and seen[-1] == listing(tmp_path / "f") and seen[-1] != ""


def good_source() -> Source:
    values = np.full((10, 2), 0.5, np.float32)
    return Source(CELLS, nasbench201.cell_ids(CELLS), {VAL: values})


@pytest.mark.parametrize(
    ("row", "value", "says"),
    [
        (3, [0.5, 1.5], r"row 3 .*val_acc@200 = \[0.5, 1.5\], expected fractions between 0 and 1 \(1 such"),
        (4, [-0.1, np.nan], r"row 4 .*expected fractions"),
        (5, [np.inf, 0.5], r"row 5 .*expected fractions"),
        (
            6,
            [np.nan, np.nan],
            r"row 6 .*is missing \(NaN; 1 such in all\); every cell needs at least one trial",
        ),
    ],
)
def test_accuracies_of_every_source_are_checked(tmp_path, row, value, says):
    source = good_source()
    check(source, tmp_path)
    source.metrics[VAL][row] = value
    with pytest.raises(DataError, match=says):
        check(source, tmp_path)


def test_cells_of_every_source_are_checked(tmp_path):
    source, ops = good_source(), CELLS.ops.copy()
    ops[7, 2] = 9
    broken = replace(source, archs=type(CELLS)("nasbench201", ops))
    with pytest.raises(DataError, match=r"row 7 .*not a valid cell of nasbench201"):
        check(broken, tmp_path)
    with pytest.raises(DataError, match="no architecture in it"):
        check(Source(CELLS[:0], [], {}), tmp_path)
