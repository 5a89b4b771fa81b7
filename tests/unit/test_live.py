"""What a run shows while it goes on: progress files, the time left, the state of a run, names of stages."""

from __future__ import annotations

import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import progress
from pipeline.__main__ import main
from pipeline.counted import Counted
from pipeline.live.events import RunState
from pipeline.live.expected import estimate_by, expected_seconds
from pipeline.live.job_files import error_of, read_progress, result_of, whole_error
from pipeline.live.stages import STAGES, TARGETS, job_name
from pipeline.live.time_left import START, Running, in_words, seconds_left

ROOT = Path(__file__).resolve().parents[2]


def write_progress(log: Path, **changes) -> None:
    now = time.time()
    content = {"command": "children", "pid": os.getpid(), "host": socket.gethostname(), "started": now - 60}
    content |= {"updated": now, "state": "running"}
    content["parts"] = {"networks": {"done": 6, "total": 10, "began": now - 40, "first": 2}}
    log.with_suffix(".progress").write_text(json.dumps(content | changes))


def test_a_command_with_a_log_says_how_far_it_is_and_takes_that_back(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "WRITTEN", 0.0)
    seen = []
    with progress.reported(tmp_path / "a.log", "children"):
        for place, _ in enumerate(progress.track(range(4), "networks")):
            seen.append(read_progress(tmp_path / "a.log"))
            progress.say("epochs", place, 8)  # within: the outermost part is what is shown
    assert [(s.what, s.done, s.total) for s in seen] == [("networks", n, 4) for n in range(4)]
    assert seen[0].seconds_left is None and seen[3].seconds_left >= 0 and not seen[3].gone
    assert read_progress(tmp_path / "a.log") is None and list(tmp_path.iterdir()) == []


def test_a_part_that_is_done_is_shown_no_longer(tmp_path, monkeypatch):
    with progress.reported(tmp_path / "a.log", "search"):
        monkeypatch.setattr(progress, "WRITTEN", 0.0)
        progress.say("epochs", 198, 200)
        assert read_progress(tmp_path / "a.log").words().startswith("198/200 epochs")
        monkeypatch.setattr(progress, "WRITTEN", 1000.0)  # what comes after says nothing for a while
        progress.finish("epochs")
        assert read_progress(tmp_path / "a.log").words() == "0:00"
        written = (tmp_path / "a.progress").read_bytes()
        progress.finish("epochs")  # nothing of it is shown, so nothing is written
        assert (tmp_path / "a.progress").read_bytes() == written


def test_what_several_threads_do_is_shown_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "WRITTEN", 0.0)
    with progress.reported(tmp_path / "a.log", "predictors"):
        with Counted("epochs", 40) as epochs:
            assert read_progress(tmp_path / "a.log").words() == "0/40 epochs"
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _: epochs.add(), range(30)))
            assert read_progress(tmp_path / "a.log").words().startswith("30/40 epochs")
        assert read_progress(tmp_path / "a.log").what is None


def test_a_failed_command_leaves_its_error(tmp_path, capsys, monkeypatch):
    log = tmp_path / "logs/x.log"
    assert main(["benchmark", str(tmp_path / "absent.h5"), "--log", str(log)]) == 1
    left = read_progress(log)
    assert left.state == "failed" and "no such file" in left.error and left.error == error_of(log)
    assert "no such file" in capsys.readouterr().err
    monkeypatch.setenv("NASFLOW_LIVE", socket.gethostname())  # the live line shows it
    assert main(["benchmark", str(tmp_path / "absent.h5"), "--log", str(log)]) == 1
    assert capsys.readouterr().err == "" and "no such file" in error_of(log)
    monkeypatch.setenv("NASFLOW_LIVE", "another host")  # on a node it goes to SLURM's log
    main(["benchmark", str(tmp_path / "absent.h5"), "--log", str(log)])
    assert "no such file" in capsys.readouterr().err


def test_progress_files_of_others_and_damaged_ones(tmp_path):
    log = tmp_path / "a.log"
    write_progress(log)
    assert read_progress(log).words().startswith("6/10 networks, 0:4")  # 4 more at 10 s each
    write_progress(log, pid=2**22 + 1)
    assert read_progress(log).gone
    write_progress(log, pid=2**22 + 1, host="elsewhere")
    assert not read_progress(log).gone
    write_progress(log, parts={})
    assert read_progress(log).words() == "1:00"
    for content in ("", "[]", "{}", '{"command": 1}'):
        log.with_suffix(".progress").write_text(content)
        assert read_progress(log) is None


def test_results_and_errors_are_the_last_lines_of_a_log(tmp_path):
    log = tmp_path / "a.log"
    assert result_of(log) is None and error_of(log) is None
    log.write_text("10:00:00 INFO one\n10:00:01 INFO two\nTraceback\n10:00:02 ERROR three\n  File x\n")
    assert (result_of(log), error_of(log)) == ("two", "three")
    assert whole_error(log) == ["three", "  File x"]
    log.write_text("x" * 100_000 + f"\n10:00:00 INFO {'y' * 500}\n")
    assert len(result_of(log)) == 160 and result_of(log).endswith("…")


def test_no_time_is_left_before_anything_was_measured():
    assert seconds_left([], [Running("a", 10, 3)], [("b", 20)], 2) is None


def test_estimates_are_corrected_by_a_rules_own_jobs_and_else_by_all():
    finished = [("a", 105.0, 55.0)]  # half as long as expected, apart from the start
    assert seconds_left(finished, [], [("a", 210.0)], 1) == pytest.approx(210 * 115 / 165)
    assert seconds_left(finished, [], [("b", 205.0)], 1) == pytest.approx(START + 200 * 110 / 160)
    assert seconds_left([("s", START, 9.0)], [], [("b", 205.0)], 1) == pytest.approx(START + 200)


def test_jobs_side_by_side_and_the_longest_of_them():
    done = [("a", 10.0, 10.0)]
    assert seconds_left(done, [], [("a", 10.0)] * 8, 4) == pytest.approx(20.0)
    assert seconds_left(done, [Running("a", 10, 0, 300.0)], [("a", 10.0)] * 2, 4) == pytest.approx(300.0)
    assert seconds_left(done, [Running("a", 10.0, 25.0)], [], 1) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.0, ""), (1, "5 s left"), (80, "80 s left"), (125, "2 min left"), (9000, "2.5 h left")]
    + [(400_000, "4.6 days left")],
)
def test_time_left_in_words(seconds, words):
    assert in_words(seconds) == words


def test_expected_times_follow_the_configuration():
    estimate = lambda stage, wildcards: SimpleNamespace(seconds=int(wildcards.get("n_train", 1000)))  # noqa: E731
    assert expected_seconds("train_predictor", {"n_train": "60"}, estimate) == START + 60
    assert expected_seconds("train_predictor", {}, estimate) == START + 1000
    assert expected_seconds("somebodys_rule", {}, estimate) == START


def test_every_rule_and_target_has_a_name():
    text = "\n".join(file.read_text() for file in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    named = {line.split()[1].rstrip(":") for line in map(str.strip, text.splitlines()) if line[:5] == "rule "}
    assert named == STAGES.keys() | TARGETS


def test_jobs_have_names_that_people_use():
    wildcards = {"benchmark": "digits101", "predictor": "gates", "n_train": "120"}
    assert job_name("train_predictor", wildcards) == "predictors gates n120 (digits101)"
    assert job_name("train_children", {"benchmark": "x", "chunk": "3"}) == "child networks chunk 3 (x)"
    assert job_name("my_rule", {}) == "my rule"


def begun(state: RunState, tmp_path: Path, jobid: int, predictor: str, log_text: str) -> None:
    log, out = tmp_path / f"{predictor}.log", tmp_path / f"{predictor}.h5"
    log.write_text(log_text)
    wildcards = {"predictor": predictor, "n_train": "4"}
    record = SimpleNamespace(rule_name="train_predictor", jobid=jobid, wildcards=wildcards)
    record.log, record.output = [str(log)], [str(out)]
    state.begin(record)


def test_the_state_of_a_run(tmp_path):
    state = RunState()
    state.plan({"train_predictor": 3, "write_report": 1, "report": 1, "total": 5})
    for jobid, predictor in enumerate(["gates", "mlp", "bad"]):
        begun(state, tmp_path, jobid, predictor, f"10:00:00 INFO {predictor} 4 cells: tau 0.71\n")
    assert state.words()[:2] == ["predictors 0/3", "0/4 jobs"] and state.time_left() is None
    (tmp_path / "gates.h5.run.json").write_text(json.dumps({"started": time.time(), "wall_seconds": 30.0}))
    assert state.end(0) == "predictors gates n4: gates 4 cells: tau 0.71"
    assert state.finished == [("train_predictor", START, 30.0)] and state.time_left() > 0
    write_progress(tmp_path / "mlp.log")
    state._looked = 0.0
    (tmp_path / "bad.log").write_text("10:00:00 ERROR bad.csv: row 3 is no cell; mend it\n")
    said = state.fail(2, "train_predictor", [str(tmp_path / "bad.log")])
    assert said[0] == "failed: predictors bad n4: bad.csv: row 3 is no cell; mend it"
    assert said[1].endswith(f"log: {tmp_path / 'bad.log'}")
    words = " | ".join(state.words())
    assert "predictors 1/3 | 1/4 jobs" in words and "1 failed" in words and "mlp n4 6/10 networks" in words
    assert words.endswith("tau 0.71") and state.ending().startswith("1 of 4 jobs done in 0:0")
    assert state.end(99) is None  # a mere target


def test_a_job_that_was_killed_left_no_word(tmp_path):
    state = RunState()
    begun(state, tmp_path, 1, "gates", "")
    log = str(tmp_path / "gates.log")
    assert state.fail(1, "train_predictor", [log], in_group=True) == [] == state.failed
    killed, said, where = state.fail(1, "train_predictor", [log], "SLURM status is: 'TIMEOUT'")
    assert "was it killed?" in killed and "TIMEOUT" in said and where.endswith(log)


def test_estimates_of_the_workflow_reach_the_state(tmp_path):
    estimate_by(lambda stage, wildcards: SimpleNamespace(seconds=int(wildcards["n_train"])))
    try:
        state = RunState()
        begun(state, tmp_path, 1, "gates", "")
        assert state.running[1].expected == START + 4
    finally:
        estimate_by(None)


def test_plain_lines_have_no_control_characters():
    from pipeline.live.views import plain

    assert plain("\x1b[31mred\x1b[0m\r\x07 end") == "red end"
