"""Configurations that are made to do harm, or that name files by accident that are not meant."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.config.model import load_config
from pipeline.errors import ConfigError
from pipeline.storage.data_files import DataFile, DataFolder, place_of
from tests.hostile.running import MARKER, assert_refused, run_cases

LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)
MAPPINGS = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(10))}}}\n" for n in range(1, 30)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 16)
)
TEXTS = {  # name -> (YAML, what the message says)
    "laughs": (LAUGHS, "more than 100000 values"),
    "laughing mappings": (MAPPINGS, "more than 100000 values"),
    "laughs at a key": (LAUGHS + "seed: *a29\n", "more than 100000 values"),
    "laughs in merge keys": (MERGES, "more than 100000 values"),
    "itself": ("benchmarks: &a [*a]\n", "nested too deeply"),
    "deep": ("seed: " + "[" * 20_000 + "]" * 20_000, "nested too deeply"),
    "rather deep": ("seed: " + "[" * 60 + "]" * 60, "nested too deeply"),
    "python object": (f"seed: !!python/object/apply:os.system ['touch {MARKER}']", "could not determine"),
    "python name": ("seed: !!python/name:os.system", "could not determine"),
    "date": ("seed: 2001-13-45", "not valid YAML"),
    "huge number": ("seed: " + "9" * 500_000, "not valid YAML"),
    "base 60": ("seed: 1" + ":59" * 50_000, "benchmarks"),
    "binary": ("seed: !!binary '*'", "seed"),
    "list as key": ("[a]: 1", "not valid YAML"),
    "large": ("#" * (2 << 20), "characters, expected"),
    "zero bytes": ("seed: \0", "not valid YAML"),
    "long value": ("seed: " + "x" * 500_000, "seed"),
    "several documents": ("a: 1\n---\nb: 2\n", "not valid YAML"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder, cases = tmp_path_factory.mktemp("hostile"), {}
    for number, (name, (text, _)) in enumerate(TEXTS.items()):
        (folder / f"{number}.yaml").write_text(text)
        cases[name] = ["config", f"{number}.yaml", "--log", "logs/log"]
    (folder / "latin.yaml").write_bytes("report: {title: é}".encode("latin1"))
    cases["latin"] = ["config", "latin.yaml", "--log", "logs/log"]
    return run_cases(folder, cases, ["pipeline.config.model"])


@pytest.mark.parametrize("name", [*TEXTS, "latin"])
def test_configurations_are_refused(outcomes, name):
    assert_refused(outcomes[name], TEXTS[name][1] if name in TEXTS else "not UTF-8")


def test_a_change_on_the_command_line_is_read_likewise(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1")
    with pytest.raises(ConfigError, match="--config seed: .* is not valid YAML"):
        load_config(tmp_path / "config.yaml", ["seed=[1"])


FILE, FOLDER = TypeAdapter(DataFile), TypeAdapter(DataFolder)


@pytest.mark.parametrize(
    "name", ["a.csv", "a/b c.csv", 'it\'s $(x) "y";|&.csv', "-rf", "/data/a.csv", "~/a.csv", "a..b", "é.csv"]
)
def test_names_of_files_that_are_taken(name):
    assert FILE.validate_python(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd", "leads out of data_dir"),
        ("a/../../b.csv", "leads out of data_dir"),
        ("..", "leads out of data_dir"),
        ("a\nb.csv", "line breaks"),
        ("a\0b.csv", "line breaks"),
        ("a{b}.csv", "braces"),
        ("a" * 2000, "2000 characters"),
        ("", "at least 1 character"),
    ],
)
def test_names_of_files_that_are_refused(name, reason):
    with pytest.raises(ValidationError, match=reason):
        FILE.validate_python(name)


def test_data_dir_is_any_folder_that_a_shell_and_snakemake_can_name():
    assert FOLDER.validate_python("../data") == "../data"
    with pytest.raises(ValidationError, match="line breaks"):
        FOLDER.validate_python("a\nb")


def test_a_whole_path_does_not_lie_in_data_dir(tmp_path):
    assert place_of("a.csv", str(tmp_path)) == tmp_path / "a.csv"
    assert str(place_of("/data/a.csv", str(tmp_path))) == "/data/a.csv"
    with pytest.raises(ConfigError, match="nobody-of-this-name"):
        place_of("~nobody-of-this-name/a.csv", str(tmp_path))


def test_what_a_message_quotes_is_cut():
    message = str(ConfigError("a.csv: " + "x" * 1_000_000 + "; expected a cell"))
    assert len(message) < 2100 and message.startswith("a.csv: x") and message.endswith("; expected a cell")
