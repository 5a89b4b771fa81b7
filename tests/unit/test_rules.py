"""What the rules hand to the shell, and which file names they take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.staleness.workflow_files import opened

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "rules").glob("*.smk"))
AWAY = ("", ".", "..", "../x", "a/b", "/x", "x y", "-x", "x;y", "$(x)", "x\n", "*", "{x}", "x.h5", "00", "é")


@pytest.fixture(scope="module")
def rules():
    """The parsed rules of two configurations: the default, and one with several benchmarks."""
    found = []
    for config in ("config.yaml", "tests/workflow/tiny.yaml"):
        with opened(ROOT / "Snakefile", [ROOT / config], []) as workflow:
            found.append(workflow.rules)
    return found


def test_every_value_is_quoted_for_the_shell():
    commands = 0
    for file in RULES:
        text = file.read_text()
        for block in re.findall(r"^ +shell:\n((?: +\".*\"\n)+)", text, re.M):
            commands += 1
            for value in re.findall(r"\{[^}]*\}", block):
                assert value.endswith(":q}"), f"{file.name}: {value}"
        assert text.count("shell:\n") == len(re.findall(r"^ +shell:\n +\"", text, re.M)), file.name
    assert commands >= 15


def test_every_wildcard_takes_plain_names_only(rules):
    seen = set()
    for of_config in rules:
        for pattern, rule in of_config.patterns:
            constraints = {**rule.workflow.wildcard_constraints, **rule.wildcard_constraints}
            for name in rule.wildcard_names:
                seen.add(name)
                assert name in constraints, f"{rule.name}: {name} takes anything"
                taken = [text for text in AWAY if re.fullmatch(f"(?:{constraints[name]})", text)]
                assert not taken, f"{rule.name}: {name} takes {taken}"
            assert not pattern.match("results/benchmarks/../../x.h5")
    assert seen >= {
        "benchmark",
        "chunk",
        "predictor",
        "strategy",
        "autoencoder",
        "n_train",
        "images",
        "space",
    }


@pytest.mark.parametrize(
    "file",
    [
        "results/benchmarks/../../x.h5",
        "results/benchmarks/../benchmarks/digits101.h5",
        "results/benchmarks/digits101.h5/../x.h5",
        "results/predictors/digits101/../../x/n10.h5",
        "results/predictors/digits101/no_such_predictor/n10.h5",
        "results/predictors/digits101/gates/n010.h5",
        "results/children/digits101/chunk_-1.h5",
        "results/search/digits101/$(touch x).h5",
        "../results/benchmarks/digits101.h5",
    ],
)
def test_no_rule_makes_files_elsewhere(rules, file):
    assert rules[0].job_of(file) is None


def test_files_of_the_configuration_have_a_rule(rules):
    assert rules[0].job_of("results/benchmarks/digits101.h5").rule == "build_benchmark"
    assert rules[0].job_of("results/predictors/digits101/gates/n60.h5").rule == "train_predictor"
