"""Options that say which configuration a command means: the same as snakemake's, merged in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.config.yaml_text import parse
from pipeline.errors import ConfigError


def add_config_options(parser) -> None:
    """Add --configfile and --config; `configfile` is a list of paths, empty for the project's own."""
    parser.add_argument(
        *("--configfile", "--configfiles"),
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="the run's configuration, later files merged over earlier ones (default: config.yaml). Name "
        "targets before it, or after --",
    )
    parser.add_argument(
        "--config", nargs="*", default=[], metavar="KEY=VALUE", help="changes on top, as for snakemake"
    )


def add_run_options(parser) -> None:
    """Add what commands about a whole run take: targets, the configuration, and the workflow's file."""
    parser.add_argument("targets", nargs="*", help="files or target names (default: report)")
    add_config_options(parser)
    default = Path(__file__).resolve().parents[2] / "Snakefile"
    parser.add_argument("--snakefile", type=Path, default=default, help="default: the project's")


def changed_keys(changes: Sequence[str]) -> dict:
    """Return what KEY=VALUE change, as snakemake reads them: VALUE is a number, a word or YAML.

    Raises ConfigError for what is not KEY=VALUE.
    """
    if not changes:
        return {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise ConfigError(f"--config {change}: expected KEY=VALUE")
        parse(value, f"--config {key}")  # refuses what is none, or too large
    from snakemake.cli import parse_config

    try:
        return parse_config(changes)
    except ValueError as error:
        raise ConfigError(f"--config {' '.join(changes)}: {error}") from error


def read_yaml(path: Path) -> dict:
    """Return what a configuration file says. Raises ConfigError: not there, no text, no YAML, no keys."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start}: not UTF-8 text; expected YAML") from error
    raw = parse(text, str(path))
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(raw).__name__}")
    return raw


def settings_of(configfiles: Sequence[Path], changes: Sequence[str]):
    """Return Snakemake's settings of a configuration. Raises ConfigError if a file is not there."""
    from snakemake.settings.types import ConfigSettings

    for file in configfiles:
        if not file.exists():
            raise ConfigError(
                f"--configfile {file}: no such file (if it is a target: name it before, or after --)"
            )
    return ConfigSettings(config=changed_keys(changes), configfiles=list(configfiles))
