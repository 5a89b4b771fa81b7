"""The configuration's types, defaults and checks: the one source of truth.

Each stage's own settings live in its package; this module puts them together and turns whatever is
wrong into one line with the key's path. Whether sections fit one another is checked in `config_checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from pipeline.autoencoders.infonas_settings import InfoNasSettings
from pipeline.autoencoders.settings import Arch2VecSettings
from pipeline.benchmarks.settings import Benchmark, ChildrenBenchmark, images_of
from pipeline.by_benchmark import is_null, is_used_on, leave_out_benchmarks, on, scoped
from pipeline.config.checks import check_across
from pipeline.config.errors import in_words
from pipeline.config.options import changed_keys, read_yaml
from pipeline.config.yaml_text import below_value, check_size
from pipeline.errors import ConfigError
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.io_dataset.settings import IoDatasetSettings
from pipeline.papers.printed import papers
from pipeline.plug_ins import plug_in
from pipeline.search.settings import SearchSettings
from pipeline.semigan.generation_settings import GenerationSettings
from pipeline.settings import Settings
from pipeline.storage.data_files import DataFolder
from pipeline.zeroshot.settings import ZeroShotSettings

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]
Images = Annotated[dict, BeforeValidator(plug_in("images", "source"))]
Predictor = Annotated[dict, BeforeValidator(scoped(plug_in("predictors")))]
Strategy = Annotated[dict, BeforeValidator(scoped(plug_in("search")))]
Autoencoder = Annotated[Arch2VecSettings | InfoNasSettings, Field(discriminator="model")]

NAMED = ("autoencoders", "predictors", "strategies")  # sections whose entries null leaves out


class ReportSettings(Settings):
    """What the report says about itself."""

    title: str = Field("nasflow", description="heading of the page")


class Config(Settings):
    """A whole run."""

    seed: int = Field(
        0, ge=0, description="seed of every random stream, together with what the stream is for"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where there is one")
    threads: int = Field(1, ge=1, le=1024, description="threads of one job's arithmetic on the CPU")
    environment: Literal["cpu", "cuda"] = Field(
        "cpu", description="which of envs/ the rules use with --sdm conda"
    )
    data_dir: DataFolder = Field(
        ".", description="folder of the benchmark files, image archives and image folders"
    )
    catalogue: int = Field(
        100_000,
        ge=2,
        le=10_000_000,
        description="cells drawn of a space that is too large to be listed (darts): what is trained, or "
        "scored without training, is taken from these",
    )
    images: dict[Name, Images] = Field({}, description="image sets by name: source and its settings")
    benchmarks: dict[Name, Benchmark] = Field(min_length=1, description="benchmarks by name")
    io_dataset: IoDatasetSettings = Field(
        IoDatasetSettings(), description="what is collected from trained networks"
    )
    autoencoders: dict[Name, Autoencoder] = Field({}, description="autoencoders by name")
    zeroshot: ZeroShotSettings = Field(ZeroShotSettings(), description="scores of untrained networks")
    predictors: dict[Name, Predictor] = Field({}, description="predictors by name: method and its settings")
    evaluation: EvaluationSettings = Field(
        EvaluationSettings(), description="how predictors are trained and tested"
    )
    search: SearchSettings = Field(SearchSettings(), description="budget of a search")
    strategies: dict[Name, Strategy] = Field(
        {}, description="search strategies by name: method and its settings"
    )
    papers: list[Name] = Field(
        [],
        description="papers whose printed numbers stand beside this run's: files of pipeline/papers/numbers",
    )
    generation: GenerationSettings | None = Field(
        None, description="analysis of what semigan_nad strategies generate; null: none"
    )
    report: ReportSettings = Field(ReportSettings(), description="the page")
    figures: Literal["none", "pdf", "svg"] = Field(
        "none", description="format of the report's figures as files for papers, in results/figures"
    )

    @field_validator("papers")
    @classmethod
    def _numbers_are_there(cls, names):
        known = papers()
        for name in names:
            if name not in known:
                raise ValueError(f"there are no numbers of {name!r}; expected some of {', '.join(known)}")
        return sorted(set(names))

    @model_validator(mode="before")
    @classmethod
    def _null_leaves_out(cls, raw):
        """A file that is merged over another cannot remove an entry; it can say null."""
        if not isinstance(raw, dict):
            return raw
        raw = leave_out_benchmarks(raw)
        given = {key: value for key, value in raw.items() if key not in NAMED or not is_null(value)}
        named = {key: value for key, value in given.items() if key in NAMED and isinstance(value, dict)}
        return given | {key: {k: v for k, v in of.items() if not is_null(v)} for key, of in named.items()}

    def only_benchmark(self) -> str:
        """Return the name of the only benchmark. Raises ConfigError if there are several."""
        if len(self.benchmarks) != 1:
            raise ConfigError(
                f"benchmarks: there are several ({', '.join(self.benchmarks)}); say which: --benchmark"
            )
        return next(iter(self.benchmarks))

    def trained(self) -> list[str]:
        """Return the names of the benchmarks whose networks are trained here."""
        return [name for name, b in self.benchmarks.items() if isinstance(b, ChildrenBenchmark)]

    def scored(self) -> list[str]:
        """Return the names of the benchmarks whose cells get zero-shot scores."""
        return [name for name, b in self.benchmarks.items() if images_of(b) is not None]

    def tested(self) -> list[str]:
        """Return the names of the benchmarks that predictors are trained and tested on."""
        names = self.evaluation.benchmarks
        used = [name for name in self.benchmarks if self.predictors_of(name)]
        return [name for name in used if names is None or name in names]

    def predictors_of(self, benchmark: str) -> dict[str, dict]:
        """Return the predictors that are used on a benchmark, with the settings that hold there."""
        return {name: on(s, benchmark) for name, s in self.predictors.items() if is_used_on(s, benchmark)}

    def strategies_of(self, benchmark: str) -> dict[str, dict]:
        """Return the strategies that search a benchmark, with the settings that hold there."""
        return {name: on(s, benchmark) for name, s in self.strategies.items() if is_used_on(s, benchmark)}

    def encoders_of(self, benchmark: str) -> list[str]:
        """Return the names of the autoencoders that are trained beside a benchmark."""
        return [n for n, s in self.autoencoders.items() if s.benchmarks is None or benchmark in s.benchmarks]

    @model_validator(mode="after")
    def _sections_fit(self):
        check_across(self)
        return self


def io_benchmark_of(config: Config, benchmark: str, autoencoder: str) -> str:
    """Return the benchmark whose I/O data set an info-NAS of `benchmark` learns from."""
    return config.autoencoders[autoencoder].io_dataset or benchmark


def check(raw: dict, source: str = "configuration") -> Config:
    """Return the checked configuration. Raises ConfigError: one line with the key's path and the reason."""
    check_size(raw, below_value, source)
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        first, others = error.errors()[0], error.error_count() - 1
        more = f" (and {others} more)" if others else ""
        raise ConfigError(f"{source}: {in_words(first)}{more}") from error


def load_config(paths, changes: Sequence[str] = ()) -> Config:
    """Read and check a YAML file, or several, later ones merged over earlier ones.

    changes: KEY=VALUE on top (see `config_options.changed_keys`). Raises ConfigError.
    """
    files = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    raw: dict = {}
    for file in files:
        merge(raw, read_yaml(file))
    merge(raw, changed_keys(changes))
    return check(raw, source_of(files))


def source_of(files: Sequence) -> str:
    """Return how errors name a configuration that was read from `files`."""
    return " + ".join(map(str, files))


def merge(base: dict, changes: dict) -> None:
    """Merge nested dictionaries in place, as Snakemake merges --config into a configuration file."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
