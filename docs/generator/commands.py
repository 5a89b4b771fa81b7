"""Targets and files, from the Snakefile and its rules; commands, from their parsers."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from docs.generator.words import in_text
from pipeline.__main__ import STAGES, TOOLS, parser_of

ROOT = Path(__file__).resolve().parents[2]
RULE = re.compile(r"^ *rule (\w+):[^\n]*\n(.*?)(?=^ *rule |\Z)", re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r"^( +)output:\n(.*?)(?=^\1\w)", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"python -m pipeline (\w+)")


def targets() -> dict[str, str]:
    """Return {target: what its docstring says}, in the order of the Snakefile."""
    rules = RULE.findall((ROOT / "Snakefile").read_text())
    said = {name: re.search(r'^    """(.*?)"""', body, re.MULTILINE | re.DOTALL) for name, body in rules}
    return {name: " ".join(found.group(1).split()) if found else "" for name, found in said.items()}


def files() -> list[tuple[str, str, str]]:
    """Return (file, rule, command) of what each rule writes; in files {…} stands for a name or number."""
    found = []
    for smk in sorted((ROOT / "rules").glob("*.smk")):
        for rule, body in RULE.findall(smk.read_text()):
            command = SHELL.search(body)
            for _, block in OUTPUT.findall(body):
                names = re.findall(r'"(results/[^"]+)"', block)
                found.extend((name, rule, command.group(1) if command else "") for name in names)
    return found


def target_tables() -> str:
    """Return targets and files as Markdown tables."""
    lines = ["| target | what it makes |", "| --- | --- |"]
    lines += [f"| `{name}` | {in_text(said)} |" for name, said in targets().items()]
    lines += ["", "## Files", ""]
    lines += [
        "Each file is a target, too. `{…}` stands for a name of the configuration or a number.",
        "",
    ]
    lines += ["| file | rule | command |", "| --- | --- | --- |"]
    lines += [f"| `{file}` | `{rule}` | `{command}` |" for file, rule, command in files()]
    return "\n".join(lines) + "\n"


def options(name: str, shared: bool) -> list[tuple[str, str, str]]:
    """Return (options, default, meaning): a command's own, or those that it shares with all."""
    own, last = [], []
    for group in parser_of(name)._action_groups:
        (last if group.title == "shared options" else own).extend(group._group_actions)
    return [row_of(action) for action in (last if shared else own) if action.dest != "help"]


def row_of(action: argparse.Action) -> tuple[str, str, str]:
    """Return one option as Markdown."""
    spelt = " or ".join(f"`{one}`" for one in action.option_strings) or f"`{action.metavar or action.dest}`"
    if action.option_strings and action.nargs != 0:
        spelt += f" {action.metavar or action.dest.upper()}"
    if action.required and action.option_strings:
        return spelt, "required", in_text(action.help or "")
    default = "" if action.default in (None, False, []) else f"`{action.default}`"
    return spelt, default, in_text(action.help or "")


def table(rows: list[tuple[str, str, str]]) -> list[str]:
    """Return options as the lines of a table."""
    head = ["| option | default | meaning |", "| --- | --- | --- |"]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows), ""]


def command_tables() -> str:
    """Return every command with its options as Markdown; the shared ones once."""
    lines = ["## What all stages share", "", *table(options("space", shared=True))]
    for title, commands in (("Stages", STAGES), ("Tools", TOOLS)):
        lines += [f"## {title}", ""]
        for name, (_, what) in commands.items():
            lines += [f"### `{name}`", "", f"`python -m pipeline {name}`: {in_text(what)}.", ""]
            if own := options(name, shared=False):
                lines += table(own)
    return "\n".join(lines)
