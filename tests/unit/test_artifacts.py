"""Artifacts: whole or not at all, the same bytes twice, damage noticed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from pipeline.errors import ArtifactError
from pipeline.job import Job
from pipeline.storage import artifacts
from pipeline.storage.files import checksum, replacing
from pipeline.storage.sidecars import read_run_record

JOB = Job("test", {"a": 1}, seed=3, code="c0de", modules={"pipeline.x": "1"})


def write(path, n=1000, inputs=()):
    with artifacts.write_h5(path, "test", JOB, inputs=inputs, run={"seconds": 1.5}) as handle:
        artifacts.put(handle, "values", np.arange(n, dtype=np.float32))
        artifacts.put_table(handle, {"cell": ["a", "b"], "digits/val_acc@3": np.array([0.25, np.nan])})
    return path


def test_round_trip_with_provenance_and_sidecar(tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("hello")
    path = write(tmp_path / "x.h5", inputs=[source])
    with artifacts.open_h5(path, "test") as handle:
        assert np.array_equal(handle["values"][()], np.arange(1000))
        table = artifacts.get_table(handle)
    assert list(table.columns) == ["cell", "digits/val_acc@3"]
    assert table["cell"].tolist() == ["a", "b"]
    made = artifacts.read_provenance(path)
    assert (made["settings"], made["seed"], made["code"]) == ({"a": 1}, 3, "c0de")
    assert made["inputs"][str(source)] == checksum(source)
    assert read_run_record(path)["seconds"] == 1.5


def test_the_same_content_has_the_same_bytes(tmp_path):
    assert write(tmp_path / "a.h5").read_bytes() == write(tmp_path / "b.h5").read_bytes()


def test_an_exception_leaves_the_old_artifact_and_nothing_else(tmp_path):
    path = write(tmp_path / "x.h5")
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), artifacts.write_h5(path, "test", JOB) as handle:
        artifacts.put(handle, "values", np.zeros(3))
        _ = 1 / 0
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.h5", "x.h5.run.json"]


def test_two_who_write_one_path_at_once_do_not_share_a_draft(tmp_path):
    path = tmp_path / "x.txt"
    with replacing(path) as first:
        first.write_text("first, and longer")
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first, and longer"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_is_told_to_delete_what_is_no_artifact(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n")
    with pytest.raises(ArtifactError) as error:
        with artifacts.open_h5(tmp_path / "data.csv"):
            pass
    assert "no artifact of nasflow" in str(error.value) and "rm " not in str(error.value)


@pytest.mark.parametrize("keep", [0, 10, 700, -1])
def test_a_file_cut_short_is_refused_in_one_line(tmp_path, keep):
    path = write(tmp_path / "x.h5")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ArtifactError, match=r"x\.h5: not a whole HDF5 file .*run again: rm .*snakemake"):
        with artifacts.open_h5(path, "test"):
            pass


def test_a_flipped_byte_in_the_data_is_noticed(tmp_path):
    path = tmp_path / "x.h5"
    with artifacts.write_h5(path, "test", JOB) as handle:
        artifacts.put(handle, "values", np.random.default_rng(0).random(5000), compress=False)
        where = handle["values"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[where + 100] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="checksum"), artifacts.open_h5(path, "test") as handle:
        handle["values"][()]


def test_missing_foreign_and_wrong_kind_are_told_apart(tmp_path):
    import h5py

    with pytest.raises(ArtifactError, match="no such file"), artifacts.open_h5(tmp_path / "no.h5"):
        pass
    with h5py.File(tmp_path / "foreign.h5", "w") as handle:
        handle["x"] = 1
    with (
        pytest.raises(ArtifactError, match="not written by nasflow"),
        artifacts.open_h5(tmp_path / "foreign.h5"),
    ):
        pass
    write(tmp_path / "x.h5")
    with pytest.raises(ArtifactError, match="holds 'test', expected 'other'"):
        with artifacts.open_h5(tmp_path / "x.h5", "other"):
            pass


FULL_DISK = """
    import resource, signal, sys
    import numpy as np
    from pipeline.storage import artifacts
    from pipeline.errors import ArtifactError
    from pipeline.job import Job

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))  # every file larger than this fails to grow
    try:
        with artifacts.write_h5(sys.argv[1], "test", Job("test", {})) as handle:
            artifacts.put(handle, "values", np.random.default_rng(0).random(1_000_000))
    except ArtifactError as error:
        print(error)
        sys.exit(7)
"""


def test_no_room_on_the_disk_is_one_line_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "x.h5")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 7, done.stderr
    assert "x.h5: cannot be written (" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_folder_where_a_file_belongs_is_told_with_what_to_do(tmp_path):
    path = tmp_path / "x.csv"
    path.mkdir()
    with pytest.raises(ArtifactError, match=r"x\.csv: a folder is where a file belongs; .*run again: rm -r "):
        artifacts.write_text_artifact(path, "a\n1\n", Job("x", {}))
    assert path.is_dir() and not list(tmp_path.glob(".*.part"))


def test_a_text_artifact_says_what_made_it(tmp_path):
    path = tmp_path / "table.csv"
    artifacts.write_text_artifact(path, "a,b\n1,2\n", JOB)
    assert path.read_text() == "a,b\n1,2\n"
    assert artifacts.read_provenance(path)["code"] == "c0de"
    (tmp_path / "table.csv.run.json").write_text(json.dumps({}))
    with pytest.raises(ArtifactError, match="nothing is recorded"):
        artifacts.read_provenance(path)
