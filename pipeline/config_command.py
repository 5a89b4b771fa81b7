"""Command `config`: check a configuration file and show it with all defaults."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.config import load_config

HELP = "Check a configuration file and print it with every default filled in."


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "file", type=Path, nargs="?", default=Path("config.yaml"), help="default: config.yaml"
    )
    parser.add_argument(
        "--config", nargs="*", default=[], metavar="KEY=VALUE", help="changes on top of the file"
    )


def run(args, job) -> None:
    """Print the configuration as YAML. Raises ConfigError if it is wrong."""
    config = load_config(args.file, args.config)
    print(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), end="")
