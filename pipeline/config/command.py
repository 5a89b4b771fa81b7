"""Command `config`: check a configuration file and show it with all defaults."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.config.model import load_config

HELP = "Check a configuration (one file or several) and print it with every default filled in."


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "files", type=Path, nargs="*", help="later ones merged over earlier ones; default: config.yaml"
    )
    parser.add_argument(
        "--config", nargs="*", default=[], metavar="KEY=VALUE", help="changes on top of the files"
    )


def run(args, job) -> None:
    """Print the configuration as YAML. Raises ConfigError if it is wrong."""
    config = load_config(args.files or [Path("config.yaml")], args.config)
    print(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), end="")
