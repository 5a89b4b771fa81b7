"""The changes: what each makes stale, and nothing else (docs/explanation/staleness.md is for people)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from tests.workflow.conftest import Project

# Files in results/. What a change to one kind of artifact makes stale downstream of it:
LEARNED = "autoencoders/* predictors/* search/* tables/* report/*"  # from the benchmark table
MEASURED = f"benchmarks/* io_dataset/* {LEARNED}"  # from trained networks
TRAINED = f"children/* {MEASURED}"
PREDICTED = "tables/predictors* report/*"
FOUND = "tables/search.csv report/*"
GUIDED = f"search/*/predictor_evolution.h5 {FOUND}"
GATES = f"predictors/*/gates/* tables/predictors* {GUIDED}"
FORESTS = f"predictors/*/random_forest_* {PREDICTED}"
ARCH2VEC = f"autoencoders/*/arch2vec/* predictors/*/*_arch2vec/* tables/autoencoders.csv {PREDICTED}"
INFONAS = f"autoencoders/*/infonas/* predictors/*/*_infonas/* tables/autoencoders.csv {PREDICTED}"
IMAGES = f"images/* zeroshot/* {TRAINED}"
SPACE = f"spaces/* zeroshot/* {TRAINED}"
RESULTS = f"spaces/* {IMAGES}"
SECOND_BENCHMARK = """
  second:
    space: nasbench101
    children: {images: digits, n_labelled: 8, n_held_out: 4, chunk_size: 12, training: {epochs: 1}}
"""


@dataclass(frozen=True)
class Change:
    """A change to a finished run.

    stale: patterns of files in results/ that it makes stale, missing ones that it asks for included.
    foreign: patterns of files that nothing asks for any more. known: artifacts' own provenance shows it, too.
    """

    name: str
    make: Callable[[Project], None]
    stale: str = ""
    foreign: str = ""
    known: bool = True


def code(*modules: str) -> Callable:
    """Add a statement to modules."""

    def make(project):
        for module in modules:
            path = project.root / "pipeline" / module
            path.write_text(path.read_text() + "\n_edited = 1\n")

    return make


def text(file: str, old: str, new: str) -> Callable:
    """Replace text in a file."""
    return lambda project: project.edit(file, old, new)


def setting(old: str, new: str) -> Callable:
    """Replace text in the configuration."""
    return text("tiny.yaml", old, new)


def delete(*files: str) -> Callable:
    """Delete artifacts."""
    return lambda project: [(project.root / "results" / file).unlink() for file in files]


def touch(*files: str) -> Callable:
    """Give files the present time."""
    return lambda project: [os.utime(project.root / file) for file in files]


def comments(project) -> None:
    """Reword every docstring, and add comments, in all modules."""
    for path in sorted((project.root / "pipeline").rglob("*.py")):
        body = re.sub(r'^(\s*)"""(?=\S)', r'\1"""Reworded. ', path.read_text(), flags=re.MULTILINE)
        path.write_text("# a new comment\n" + body + "\n# another one\n")


def new_plug_in(project) -> None:
    """Add a predictor that no configuration names."""
    folder = project.root / "pipeline/predictors"
    (folder / "my_ridge.py").write_text((folder / "ridge.py").read_text() + "\n_edited = 1\n")


def same_content(project) -> None:
    """Write an artifact again, with the same bytes."""
    path = project.root / "results/images/digits.h5"
    path.write_bytes(path.read_bytes())


def killed(project) -> None:
    """Leave what a killed job leaves."""
    (project.root / "results/benchmarks/.digits101.h5.0a1b2c.part").write_bytes(b"half")


def no_records(project) -> None:
    """Delete Snakemake's records."""
    shutil.rmtree(project.root / ".snakemake")


CHANGES = [
    # code
    Change("code of a space's enumeration", code("spaces/nasbench101/enumeration.py"), SPACE),
    Change("code that reads images", code("images/digits.py"), IMAGES),
    Change("code that trains child networks", code("children/training.py"), TRAINED),
    Change("code of the benchmark table", code("benchmarks/command.py"), MEASURED),
    Change("code of the I/O data set", code("io_dataset/command.py"), f"io_dataset/* {INFONAS}"),
    Change("code of arch2vec", code("autoencoders/arch2vec.py"), ARCH2VEC),
    Change(
        "code that autoencoders share",
        code("autoencoders/vae.py"),
        f"autoencoders/* tables/autoencoders.csv {FORESTS}",
    ),
    Change("code of info-NAS", code("autoencoders/infonas.py"), INFONAS),
    Change("code of zero-shot metrics", code("zeroshot/metrics.py"), "zeroshot/* report/*"),
    Change("code of a predictor (GATES)", code("predictors/gates.py"), GATES),
    Change("code of an encoder that a predictor uses", code("predictors/encoders/gates.py"), GATES),
    Change("code of another predictor (random forest)", code("predictors/random_forest.py"), FORESTS),
    Change("code that trains predictors", code("predictors/training.py"), GATES),
    Change(
        "code that all predictors share",
        code("predictors/replicates.py"),
        f"predictors/* tables/predictors* {GUIDED}",
    ),
    Change("code of a search strategy", code("search/random.py"), f"search/*/random.h5 {FOUND}"),
    Change("code of a table", code("search/collect.py"), FOUND),
    Change("code of the report", code("report/page.py"), "report/*"),
    Change(
        "style of the report",
        text("pipeline/report/style.css", "margin: 0 0 .8em", "margin: 0 0 .9em"),
        "report/*",
    ),
    Change("helper that everything shares", code("storage/artifacts.py"), RESULTS),
    Change("comments and docstrings of all modules", comments),
    Change("help text of an option", text("pipeline/predictors/command.py", 'help="', 'help="More: ')),
    Change("a new plug-in that nothing names", new_plug_in),
    Change(
        "code that no stage runs (why, status)",
        code("staleness/why.py", "storage/export.py", "staleness/status.py"),
    ),
    # rules
    Change(
        "a rule's command",
        text("rules/search.smk", "pipeline search_table --recipe", "pipeline  search_table --recipe"),
        FOUND,
        known=False,
    ),
    Change(
        "what a rule asks the machine for",
        text("rules/search.smk", "device=CONFIG.device,", "device=CONFIG.device, disk_mb=500,"),
    ),
    # configuration
    Change("seed", setting("seed: 1", "seed: 2"), RESULTS),
    Change("split of the images", setting("n_valid: 300", "n_valid: 310"), IMAGES),
    Change("epochs of child networks", setting("epochs: 2  # children", "epochs: 3"), TRAINED),
    Change(
        "more labelled networks",
        setting("n_labelled: 8", "n_labelled: 12"),
        f"children/*/chunk_3.h5 zeroshot/*/chunk_2.h5 zeroshot/digits101.h5 {MEASURED}",
    ),
    Change(
        "unseen images of the I/O data set",
        setting("n_unseen_images: 50", "n_unseen_images: 60"),
        f"io_dataset/* {INFONAS}",
    ),
    Change(
        "training cells of arch2vec",
        setting("arch2vec: {model: arch2vec, n_cells: 600", "arch2vec: {model: arch2vec, n_cells: 620"),
        ARCH2VEC,
    ),
    Change(
        "one more run of arch2vec",
        setting("arch2vec: {model: arch2vec,", "arch2vec: {model: arch2vec, n_seeds: 2,"),
        "autoencoders/*/arch2vec/seed_2.h5 tables/autoencoders.csv report/*",
    ),
    Change("batch of zero-shot scores", setting("batch_size: 16", "batch_size: 8"), "zeroshot/* report/*"),
    Change(
        "more cells with zero-shot scores",
        setting("n_candidates: 4", "n_candidates: 12"),
        "zeroshot/*/chunk_2.h5 zeroshot/digits101.h5 report/*",
    ),
    Change("a predictor's setting", setting("method: gates, epochs: 5", "method: gates, epochs: 6"), GATES),
    Change(
        "one more predictor",
        setting(
            "  gates: {method: gates, epochs: 5}", "  gates: {method: gates, epochs: 5}\n  mlp: {method: mlp}"
        ),
        f"predictors/*/mlp/* {PREDICTED}",
    ),
    Change(
        "one predictor less",
        setting(
            "random_forest_infonas: {method: random_forest, latents: infonas, n_estimators: 10}",
            "random_forest_infonas: null",
        ),
        PREDICTED,
        foreign="predictors/*/random_forest_infonas/*",
    ),
    Change(
        "more training cells",
        setting("n_train: [4, 8]", "n_train: [4, 6, 8]"),
        f"predictors/*/n6.h5 {PREDICTED}",
    ),
    Change("one more training subset", setting("n_subsets: 2", "n_subsets: 3"), f"predictors/* {PREDICTED}"),
    Change(
        "bar of the predictors' table", setting("n_train: [4, 8]", "n_train: [4, 8]\n  above: 0.2"), PREDICTED
    ),
    Change("budget of the searches", setting("budget: 8", "budget: 9"), f"search/* {FOUND}"),
    Change("a strategy's setting", setting("population: 20", "population: 24"), GUIDED),
    Change(
        "one more strategy",
        setting("  random: {method: random}", "  random: {method: random}\n  local: {method: local_search}"),
        f"search/*/local.h5 {FOUND}",
    ),
    Change(
        "one more benchmark",
        setting("benchmarks:\n", f"benchmarks:{SECOND_BENCHMARK}"),
        "*/second* tables/* report/*",
    ),
    Change("figures as files", setting("seed: 1", "seed: 1\nfigures: svg"), "figures/*"),
    Change("device and threads", setting("seed: 1", "seed: 1\ndevice: cpu\nthreads: 2"), "report/*"),
    # files
    Change("a touched input", touch("results/images/digits.h5", "results/spaces/nasbench101.h5")),
    Change(
        "touched code and configuration",
        touch("pipeline/storage/artifacts.py", "tiny.yaml", "Snakefile", "rules/search.smk"),
    ),
    Change("an input written again with the same bytes", same_content),
    Change(
        "a deleted chunk of child networks",
        delete("children/digits101/chunk_1.h5"),
        f"children/*/chunk_1.h5 {MEASURED}",
    ),
    Change("a deleted benchmark table", delete("benchmarks/digits101.h5"), MEASURED),
    Change("a deleted table of predictors", delete("tables/predictors.csv"), PREDICTED),
    Change("what a killed job left", killed, foreign="benchmarks/.digits101.h5.*.part"),
    Change("deleted records of Snakemake", no_records),
    Change("versions in the lock", text("envs/requirements.lock", "numpy==", "numpy==9.")),
]
