"""What was written is what is used: checksums in sidecars, kills between two renames, copies, edits."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline import __main__ as command_line
from pipeline.errors import ArtifactError
from pipeline.job import Job
from pipeline.live import DRAWS
from pipeline.staleness.freshness import Checksums, _damage
from pipeline.storage import artifacts
from pipeline.storage.files import CHECKED_SIZE, checksum, end_future_times, replacing
from pipeline.storage.sidecars import (
    DIFFERS,
    changed_since_written,
    read_run_record,
    sidecar_of,
    verified_checksum,
    write_run_record,
)

JOB = Job("test", {"a": 1})


@pytest.fixture(params=["h5", "csv"])
def artifact(request, tmp_path):
    """An artifact with scalars, an empty array and attributes, of which HDF5 has no checksum."""
    return write(tmp_path / f"x.{request.param}", 1.5)


def write(path, number):
    if path.suffix == ".csv":
        artifacts.write_text_artifact(path, f"number\n{number}\n", JOB)
        return path
    with artifacts.write_h5(path, "test", JOB) as handle:
        handle.attrs["name"] = "a name"
        artifacts.put(handle, "scalar", number)
        artifacts.put(handle, "nothing", np.empty(0))
    return path


def flip(path, where):
    content = bytearray(path.read_bytes())
    content[where] ^= 0x01
    path.write_bytes(content)


def test_every_flipped_byte_is_found_before_anything_is_written(artifact, tmp_path):
    content, out = artifact.read_bytes(), tmp_path / "out.csv"
    for where in {*range(0, len(content), 1 + len(content) // 25), len(content) - 1}:
        flip(artifact, where)
        with pytest.raises(ArtifactError) as error:
            artifacts.write_text_artifact(out, "x\n", JOB, [artifact])
        said = f"{artifact}: its content is not what was written (checksum); delete it and run again: "
        assert str(error.value) == f"{said}rm {artifact} && snakemake --cores all"
        assert not out.exists()
        artifact.write_bytes(content)
    artifacts.write_text_artifact(out, "x\n", JOB, [artifact])


def test_a_command_refuses_it_before_it_computes(artifact, tmp_path, capsys):
    flip(artifact, 3)
    assert command_line.main(["export", str(artifact), "--csv", str(tmp_path / "out.csv")]) == 1
    assert capsys.readouterr().err.count("its content is not what was written") == 1
    assert not (tmp_path / "out.csv").exists()


def test_files_behind_names_and_in_lists_are_looked_at_and_outputs_are_not(artifact):
    from argparse import Namespace

    args = Namespace(latents=[f"arch2vec={artifact}"], out=artifact, seed=3, log=None, images=None)
    assert str(artifact) in set(command_line.files_in(args))
    assert str(artifact) not in set(command_line.files_in(Namespace(out=artifact, log=artifact)))


class Killed(BaseException):
    """Stands for a kill."""


def test_a_kill_between_the_two_renames_is_no_damage(artifact, monkeypatch):
    before, rename = artifact.read_bytes(), os.replace

    def killed_at_the_second(source, target):
        if str(target) == str(artifact):
            raise Killed
        rename(source, target)

    monkeypatch.setattr(os, "replace", killed_at_the_second)
    for number in (2.5, 3.5):  # a second kill does not lose sight of what is there
        with pytest.raises(Killed):
            write(artifact, number)
        assert artifact.read_bytes() == before
        record = read_run_record(artifact)
        assert record["earlier"] == verified_checksum(artifact) != record["sha256"]
        assert "a run that was to replace it was stopped" in _damage(str(artifact), Checksums())
    monkeypatch.setattr(os, "replace", rename)
    write(artifact, 3.5)
    assert artifact.read_bytes() != before and _damage(str(artifact), Checksums()) is None
    artifact.write_bytes(before)
    flip(artifact, 0)
    with pytest.raises(ArtifactError, match="not what was written"):
        verified_checksum(artifact)


def test_a_kill_before_the_first_artifact_leaves_nothing_that_is_called_damaged(tmp_path):
    with pytest.raises(Killed), replacing(tmp_path / "x.csv", announce_and_die) as draft:
        draft.write_text("number")
    assert read_run_record(tmp_path / "x.csv")["bytes"] == 6
    with pytest.raises(ArtifactError, match="no such file"):
        verified_checksum(tmp_path / "x.csv")
    assert changed_since_written([str(tmp_path / "x.csv")], CHECKED_SIZE) is None


def announce_and_die(draft):
    write_run_record(draft.with_name("x.csv"), JOB, draft=draft)
    raise Killed


def test_damage_is_not_blessed_by_a_run_that_is_killed_while_it_replaces_it(artifact):
    flip(artifact, 0)
    draft = artifact.with_name("draft")
    draft.write_bytes(b"what it is to become")
    write_run_record(artifact, JOB, draft=draft)
    with pytest.raises(ArtifactError, match="not what was written"):
        verified_checksum(artifact)


def test_without_a_sidecar_or_with_an_older_one_nothing_is_refused(artifact):
    record = read_run_record(artifact)
    flip(artifact, 0)
    for text in (json.dumps({k: v for k, v in record.items() if k != "sha256"}), "[1]", "\x00", "{"):
        sidecar_of(artifact).write_text(text)
        assert verified_checksum(artifact) == checksum(artifact)
    sidecar_of(artifact).unlink()
    assert verified_checksum(artifact) == checksum(artifact)


def test_copied_artifacts_are_what_was_written(artifact, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for file in (artifact, sidecar_of(artifact)):
        shutil.copy(file, folder)
    assert verified_checksum(folder / artifact.name)
    assert changed_since_written([str(folder / artifact.name)], CHECKED_SIZE) is None


def test_what_cannot_be_read_is_one_line(artifact):
    if os.geteuid():
        artifact.chmod(0)
    else:
        os.seteuid(65534)  # the folder above is the superuser's
    try:
        with pytest.raises(ArtifactError, match=r"cannot be read \(Permission denied\); mend that, or"):
            verified_checksum(artifact)
    finally:
        if not os.getuid():
            os.seteuid(0)
    artifact.unlink()
    artifact.mkdir()
    with pytest.raises(ArtifactError, match=f"rm -r {artifact} "):
        verified_checksum(artifact)


def test_a_start_looks_only_at_what_is_newer_than_its_sidecar(artifact, monkeypatch):
    looked = []
    monkeypatch.setattr(
        "pipeline.storage.sidecars.checksum", lambda path: looked.append(path) or checksum(path)
    )
    assert changed_since_written([str(artifact)], CHECKED_SIZE) is None and not looked
    os.utime(artifact, (2_000_000_000_000, 2_000_000_000_000))
    assert changed_since_written([str(artifact)], CHECKED_SIZE) is None and looked
    assert changed_since_written([str(artifact)], 3) is None, "a large one is left to who uses it"
    flip(artifact, 0)
    assert "not what was written" in changed_since_written([str(artifact)], CHECKED_SIZE)


def test_status_reads_large_ones_if_newer_or_of_another_size(artifact):
    times = os.stat(artifact).st_mtime
    flip(artifact, 0)
    assert _damage(str(artifact), Checksums()) == DIFFERS
    os.utime(artifact, (times, times))
    assert _damage(str(artifact), Checksums(limit=3)) is None, "large, and its time says nothing"
    assert _damage(str(artifact), Checksums(limit=3, thorough=True)) == DIFFERS
    artifact.write_bytes(artifact.read_bytes() + b" ")
    os.utime(artifact, (times, times))
    assert _damage(str(artifact), Checksums(limit=3)) == DIFFERS


@pytest.mark.parametrize("drawn_on", ["", socket.gethostname()])
def test_a_full_disk_is_one_line_even_if_the_log_is_on_it(tmp_path, drawn_on):
    """No file may grow: not even the log can say so, from which a live line would read it."""
    with artifacts.write_h5(tmp_path / "x.h5", "test", JOB) as handle:
        artifacts.put_table(handle, {"number": [1.5]})
    code = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); from pipeline.__main__ import main;"
    code += "sys.exit(main(sys.argv[1:]))"
    options = ("--log", tmp_path / "x.log", "--csv", tmp_path / "x.csv")
    done = subprocess.run(
        [sys.executable, "-c", code, "export", tmp_path / "x.h5", *options],
        env={**os.environ, DRAWS: drawn_on},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "x.csv: cannot be written (File too large)" in done.stderr
    assert not (tmp_path / "x.csv").exists()


def test_times_in_the_future_become_the_present_one(tmp_path):
    ahead, behind = tmp_path / "ahead", tmp_path / "behind"
    for file, moment in ((ahead, time.time() + 1e6), (behind, 1e9)):
        file.touch()
        os.utime(file, (moment, moment))
    end_future_times([str(ahead), str(behind), str(tmp_path / "absent")])
    assert abs(ahead.stat().st_mtime - time.time()) < 60 and behind.stat().st_mtime == 1e9
