"""Code in the documentation: configurations are right, command lines exist, Python runs as printed.

Blocks that need a finished run are run in `tests/workflow/test_docs.py`, those of the pages "Add a …" in the
tests of these pages.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

from docs.generator.commands import STAGES, TOOLS, files, targets
from pipeline.__main__ import parser_of
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.config.model import check, merge
from pipeline.job import Job
from pipeline.spaces import nasbench201
from pipeline.storage.artifacts import put, put_archs, write_h5
from tests.unit.documents import ROOT, blocks, pages_with

# pages whose code has a test of its own, since it adds to the package
ADDED = {f"docs/howto/add_a_{what}.md" for what in ("predictor", "strategy", "metric", "space")}
# what else command lines call: the shell's own, and tools of the system or of a cluster
OTHERS = {
    "$EDITOR",
    "cd",
    "chgrp",
    "chmod",
    "cp",
    "find",
    "git",
    "ls",
    "rm",
    "sha256sum",
    "source",
    "squeue",
    "tail",
}
OTHERS |= {"tmux", "umask"}
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"


@pytest.fixture(scope="module")
def everything() -> dict:
    """The default run with the public benchmarks and all zero-shot scores: what examples are merged over."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name in ("nasbench101", "nasbench201", "nasbench301"):
        public = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())["benchmarks"]
        raw["benchmarks"] |= {key: value | {"images": "digits"} for key, value in public.items()}
    on_digits, encoders = {"benchmarks": ["digits101"]}, ("arch2vec", "infonas")
    merge(raw, {"autoencoders": dict.fromkeys(encoders, on_digits), "zeroshot": {"metrics": "all"}})
    merge(raw, {"predictors": {f"random_forest_{name}": on_digits for name in encoders}})
    merge(raw, {"benchmarks": {"digits101": {"children": {"n_labelled": 500}}}})
    return raw


@pytest.mark.parametrize("page", [page for page in pages_with("yaml") if page not in ADDED])
def test_configurations_are_right(page, everything):
    for text in blocks(page, "yaml"):
        raw = yaml.safe_load(yaml.safe_dump(everything))
        merge(raw, yaml.safe_load(text))
        if raw["evaluation"].get("protocol") == "P1":  # of some spaces alone
            merge(raw, {"evaluation": {"benchmarks": ["nasbench201"]}})
        check(raw, page)


def command_lines(page: str) -> list[list[str]]:
    """Return the words of each command line of a page, without comments and with continued lines joined."""
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    lines = [part for line in text.splitlines() for part in line.split(" && ")]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.mark.parametrize("page", pages_with("sh"))
def test_command_lines_exist(page):
    for words in command_lines(page):
        if words[0] == "make":
            rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert {word for word in words[1:] if "=" not in word} <= set(rules), words
        elif words[:3] == ["python", "-m", "pipeline"]:
            check_command(words[3:])
        elif words[0] == "snakemake":
            check_snakemake(words)
        else:
            assert words[0] in OTHERS, words


def check_command(words: list[str]) -> None:
    """The command and its options exist; targets and configurations that it names, too."""
    if words == ["--help"]:
        return
    assert words[0] in STAGES | TOOLS, words
    args = parser_of(words[0]).parse_args(words[1:])
    if words[0] in ("why", "status"):
        check_targets(args.targets)
    named = getattr(args, "configfile", None) or []
    for file in named if isinstance(named, list) else [named]:
        check_configuration(file, [])
    check_configuration(None, getattr(args, "config", []))


def check_snakemake(words: list[str]) -> None:
    """Snakemake knows the options; targets, rules and configurations exist."""
    from snakemake.cli import get_argument_parser

    args = get_argument_parser().parse_args(["--cores", "1", *(w for w in words[1:] if w != "…")])
    check_targets(args.targets or [])
    check_targets(args.forcerun or [], rules=True)
    for file in args.configfile or []:
        check_configuration(file, [])
    check_configuration(None, args.config or [])
    if args.workflow_profile:
        assert (ROOT / args.workflow_profile).is_dir(), words


def check_targets(names, rules: bool = False) -> None:
    patterns = [re.sub(r"\\{\w+\\}", "[a-z0-9_]+", re.escape(file)) for file, _, _ in files()]
    known = targets().keys() | ({rule for _, rule, _ in files()} if rules else set())
    for name in map(str, names):
        placeless = re.sub(r"<\w+>", "name", name)
        assert name in known or any(re.fullmatch(p, placeless) for p in patterns), name


def check_configuration(file, changes) -> None:
    """A configuration file is there, or is the reader's own; changes are `key=value` of known keys."""
    from pipeline.config.model import Config

    assert file is None or str(file) in ("my.yaml", "more.yaml", "…") or (ROOT / file).exists(), file
    for change in changes:
        key, equals, value = change.partition("=")
        assert equals and key in Config.model_fields, change
        yaml.safe_load(value)


@pytest.fixture
def run_folder(tmp_path, monkeypatch) -> Path:
    """A folder with a table of NAS-Bench-201 and zero-shot scores, where a run would have put them."""
    cells = nasbench201.from_official([CELL, *nasbench201.to_official(nasbench201.enumerate_cells()[5:9])])
    accuracies, metric = np.linspace(0.5, 0.9, 5, dtype=np.float32)[:, None], "cifar10-valid/val_acc@200"
    table = BenchmarkTable(
        name="nasbench201",
        archs=cells,
        cells=nasbench201.cell_ids(cells),
        role=np.full(5, "labelled"),
        metrics={metric: accuracies},
        val_metric=metric,
        test_metric=None,
        costs={"cifar10-valid/train_seconds@200": np.full((5, 1), 20.0)},
    )
    for folder in ("benchmarks", "zeroshot"):
        (tmp_path / "results" / folder).mkdir(parents=True)
    write_table(tmp_path / "results/benchmarks/nasbench201.h5", table, Job("ingest", {}))
    with write_h5(
        tmp_path / "results/zeroshot/nasbench201.h5", "zeroshot", Job("zeroshot_collect", {})
    ) as file:
        put_archs(file, cells)
        for metric in ("synflow", "snip"):
            put(file, f"arch/{metric}", np.arange(5.0))
            put(file, f"op/{metric}", np.ones(cells.ops.shape))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_is_asked_as_printed(run_folder):
    found = run("docs/howto/benchmarks.md")
    assert found["answer"].values.tolist() == [0.5] and found["answer"].train_seconds.tolist() == [20.0]


def test_scores_are_looked_up_as_printed(run_folder):
    found = run("README.md", 1)  # the second block is the library's, which has tests of its own
    assert found["stored"].arch(found["cells"], ["synflow", "snip"]).tolist() == [[0.0, 0.0]]
    assert found["stored"].op(found["cells"], ["snip"]).shape == (1, 6, 1)


def run(page: str, most: int | None = None) -> dict:
    """Run a page's Python blocks (`most`: the first ones), one after the other; return what they define."""
    names: dict = {}
    for text in blocks(page, "python")[:most]:
        exec(compile(text, page, "exec"), names)
    return names


def test_no_page_with_python_is_left_out():
    here = {"README.md", "docs/howto/benchmarks.md"}
    after_a_run = {"docs/tutorial.md", "docs/reference/artifacts.md", "docs/howto/compare.md"}
    of_the_library = {"docs/library.md"}  # has a test of its own
    assert set(pages_with("python")) - of_the_library == here | after_a_run | ADDED
