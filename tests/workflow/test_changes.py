"""Each change makes stale what the table says, for Snakemake and for `status`, and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import h5py
import pytest

from tests.workflow.changes import CHANGES, no_records, setting

pytestmark = pytest.mark.workflow

PLANNER = Path(__file__).with_name("planner.py")


class Planner:
    """A process that plans runs of copies; see planner.py."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, PLANNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
        )

    def ask(self, project, restore: bool = False) -> tuple[dict[str, str], dict[str, tuple]]:
        """Return {file: reason} of what Snakemake would make, and {file: (state, why, asked)}."""
        question = {"root": str(project.root), "config": project.config, "targets": ["report"]}
        self.process.stdin.write(json.dumps(question | {"restore": restore}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["plan"], {file: tuple(rest) for file, *rest in answer["states"]}


@pytest.fixture(scope="module")
def planner():
    planner = Planner()
    yield planner
    planner.process.stdin.close()
    planner.process.wait(timeout=60)


def matching(files, patterns: str) -> set[str]:
    """Return the files in results/ that fit any of the patterns."""
    return {
        file for file in files if any(fnmatch(file, f"results/{pattern}") for pattern in patterns.split())
    }


def not_fresh(states) -> set[str]:
    return {file for file, (state, _, asked) in states.items() if asked and state != "fresh"}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_makes_stale_what_it_concerns(change, fresh_copy, planner):
    change.make(fresh_copy)
    plan, states = planner.ask(fresh_copy)
    foreign = {file for file, (state, _, _) in states.items() if state == "foreign"}
    asked = [file for file, (_, _, is_asked) in states.items() if is_asked]
    assert set(plan) == matching(asked, change.stale)
    assert not_fresh(states) == (set(plan) if change.known else set())
    assert all(states[file][1] for file in not_fresh(states))  # each says why
    assert foreign == matching(states, change.foreign)
    for pattern in f"{change.stale} {change.foreign}".split():
        assert matching(states, pattern), f"{pattern} fits nothing"


def age(project) -> None:
    """Mix up the times of all results, as a copy that does not keep them would."""
    files = sorted(f for f in (project.root / "results").rglob("*") if f.is_file())
    for rank, file in enumerate(files):
        time = 1_700_000_000 + (rank * 7919) % len(files)
        os.utime(file, (time, time))


def test_what_was_copied_without_records_and_times_is_fresh_again(fresh_copy, planner):
    no_records(fresh_copy)
    age(fresh_copy)
    plan, states = planner.ask(fresh_copy)
    assert len(plan) > 10  # times alone say so
    assert not_fresh(states) == set()
    content = {file: (fresh_copy.root / file).read_bytes() for file in states}
    assert planner.ask(fresh_copy, restore=True)[0] == {}
    assert content == {file: (fresh_copy.root / file).read_bytes() for file in states}


def test_what_is_stale_without_records_is_made_again_and_nothing_else(fresh_copy, planner):
    no_records(fresh_copy)
    setting("budget: 8", "budget: 9")(fresh_copy)
    fresh_copy.edit(
        "pipeline/predictors/random_forest.py", "import annotations\n", "import annotations\n\n_e = 1\n"
    )
    assert planner.ask(fresh_copy)[0] == {}  # Snakemake alone does not know
    plan, states = planner.ask(fresh_copy, restore=True)
    assert set(plan) == matching(states, "search/* predictors/*/random_forest_* tables/[ps]* report/*")
    assert "stale: setting budget: 8 -> 9" in plan["results/search/digits101/random.h5"]
    edited = "code edited: pipeline/predictors/random_forest.py"
    assert edited in plan["results/predictors/digits101/random_forest_infonas/n4.h5"]
    assert planner.ask(fresh_copy, restore=True)[0].keys() == plan.keys()


def test_other_content_and_damage_are_found_without_records(fresh_copy, planner):
    no_records(fresh_copy)
    results = fresh_copy.root / "results"
    (results / "images/digits.h5").unlink()
    with h5py.File(results / "images/digits.h5", "w") as handle:
        handle["from_elsewhere"] = 1
    scores = results / "zeroshot/digits101/chunk_0.h5"
    scores.write_bytes(scores.read_bytes()[:3000])
    plan, states = planner.ask(fresh_copy, restore=True)
    assert states["results/images/digits.h5"][0] == "foreign"
    assert states["results/children/digits101/chunk_0.h5"][1] == [
        "input results/images/digits.h5: its content changed"
    ]
    assert "not a whole HDF5 file" in states["results/zeroshot/digits101/chunk_0.h5"][1][0]
    untouched = {"results/spaces/nasbench101.h5"}
    assert set(plan) == set(states) - untouched


def test_a_change_taken_back_gives_the_bytes_of_a_run_from_scratch(fresh_copy, planner):
    files = [
        "results/predictors/digits101/random_forest_arch2vec/n4.h5",
        "results/search/digits101/random.h5",
    ]
    before = [(fresh_copy.root / file).read_bytes() for file in files]
    text = (fresh_copy.root / "tiny.yaml").read_text()
    (fresh_copy.root / "tiny.yaml").write_text(
        text.replace("n_estimators: 10", "n_estimators: 12").replace("budget: 8", "budget: 7")
    )
    fresh_copy.snakemake(*files)
    after = [(fresh_copy.root / file).read_bytes() for file in files]
    assert all(old != new for old, new in zip(before, after, strict=True))
    (fresh_copy.root / "tiny.yaml").write_text(text)
    fresh_copy.snakemake(*files)
    assert [(fresh_copy.root / file).read_bytes() for file in files] == before


def test_the_command_tells_by_its_exit_status_and_in_json(fresh_copy):
    command = ("pipeline", "status", "--configfile", "tiny.yaml")
    assert fresh_copy.run(*command).stdout == "report: 26 fresh\n"
    setting("budget: 8", "budget: 9")(fresh_copy)
    done = fresh_copy.run(*command, "--json", check=False)
    assert done.returncode == 4
    found = {one["file"]: one for one in json.loads(done.stdout)["artifacts"]}
    assert found["results/search/digits101/random.h5"]["why"] == ["setting budget: 8 -> 9"]
    assert found["results/tables/search.csv"]["follows"]
    assert not found["results/spaces/nasbench101.h5"]["why"]
    locks = fresh_copy.root / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.input.lock").write_text("results/images/digits.h5\n")
    done = fresh_copy.run(*command, "--restore", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"status --restore: {fresh_copy.root}: another snakemake holds this folder")


def test_the_table_for_people_has_the_same_changes():
    text = (Path(__file__).resolve().parents[2] / "docs/explanation/staleness.md").read_text()
    table = text.partition("| change | made again |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    assert rows[1:] == [change.name for change in CHANGES]
    assert len(rows) > 25
