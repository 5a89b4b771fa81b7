# What all rules share: the checked configuration, wildcard constraints, and input functions.
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(workflow.basedir))

from pipeline.config import check
from pipeline.errors import UserError
from pipeline.recipes import chunk_count, recipe_json

try:
    CONFIG = check(config, workflow.configfiles[0])
except UserError as error:
    raise WorkflowError(str(error))

ENVIRONMENT = f"../envs/{CONFIG.environment}.yaml"

# Commands run this project's package, with the Python that runs Snakemake unless conda brings its own.
PREFIX = f"export PYTHONPATH={shlex.quote(str(workflow.basedir))}; "
if not workflow.deployment_settings.deployment_method:
    PREFIX += f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
shell.prefix(PREFIX)


wildcard_constraints:
    autoencoder="[a-z][a-z0-9_]*",
    benchmark="[a-z][a-z0-9_]*",
    chunk="[0-9]+",
    images="[a-z][a-z0-9_]*",
    n_train="[0-9]+",
    predictor="[a-z][a-z0-9_]*",
    space="[a-z][a-z0-9_]*",
    strategy="[a-z][a-z0-9_]*",


def recipe(stage):
    """The rule's recipe: settings and code of its artifact, as one canonical string."""
    return lambda wildcards: recipe_json(stage, CONFIG, **dict(wildcards.items()))


def each_benchmark(pattern, **values):
    return expand(pattern, benchmark=CONFIG.benchmarks, **values)


def space_of(wildcards):
    return f"results/spaces/{CONFIG.benchmarks[wildcards.benchmark].space}.h5"


def images_of(wildcards):
    return f"results/images/{CONFIG.benchmarks[wildcards.benchmark].children.images}.h5"


def children_of(benchmark):
    children = CONFIG.benchmarks[benchmark].children
    return expand(
        "results/children/{benchmark}/chunk_{chunk}.h5",
        benchmark=benchmark,
        chunk=range(chunk_count(children.n_cells, children.chunk_size)),
    )


def scores_of(benchmark):
    n_cells = CONFIG.benchmarks[benchmark].children.n_cells + CONFIG.zeroshot.n_candidates
    return expand(
        "results/zeroshot/{benchmark}/chunk_{chunk}.h5",
        benchmark=benchmark,
        chunk=range(chunk_count(n_cells, CONFIG.zeroshot.chunk_size)),
    )


def all_chunks(wildcards=None):
    return [chunk for benchmark in CONFIG.benchmarks for chunk in children_of(benchmark)]


def chunks_of(wildcards):
    return children_of(wildcards.benchmark)


def score_chunks_of(wildcards):
    return scores_of(wildcards.benchmark)


def autoencoder_inputs(wildcards):
    """arch2vec reads cells; info-NAS also reads what trained networks output, and for which images."""
    inputs = {"space": space_of(wildcards), "table": "results/benchmarks/{benchmark}.h5"}
    if CONFIG.autoencoders[wildcards.autoencoder].model == "infonas":
        inputs |= {"io": "results/io_dataset/{benchmark}.h5", "images": images_of(wildcards)}
    return inputs


def latents_inputs(benchmark, predictor):
    """The autoencoder that a predictor takes latents from, by name."""
    name = CONFIG.predictors[predictor].get("latents")
    return {name: f"results/autoencoders/{benchmark}/{name}.h5"} if name else {}


def predictor_inputs(wildcards):
    inputs = {"table": "results/benchmarks/{benchmark}.h5"}
    return inputs | latents_inputs(wildcards.benchmark, wildcards.predictor)


def strategy_inputs(wildcards):
    inputs = {
        "table": "results/benchmarks/{benchmark}.h5",
        "space": space_of(wildcards),
        "images": images_of(wildcards),
    }
    predictor = CONFIG.strategies[wildcards.strategy].get("predictor")
    return inputs | (latents_inputs(wildcards.benchmark, predictor) if predictor else {})


def latents_option(wildcards, input):
    """--latents NAME=FILE … for each autoencoder among the inputs."""
    names = [name for name in CONFIG.autoencoders if name in input.keys()]
    return f"--latents {named(names, [input[name] for name in names])}" if names else ""


def all_predictions(wildcards=None):
    return each_benchmark(
        "results/predictors/{benchmark}/{predictor}/n{n_train}.h5",
        predictor=CONFIG.predictors,
        n_train=CONFIG.evaluation.n_train,
    )


def all_searches(wildcards=None):
    return each_benchmark("results/search/{benchmark}/{strategy}.h5", strategy=CONFIG.strategies)


def named(names, files):
    """NAME=FILE options, in order."""
    return " ".join(f"{name}={file}" for name, file in zip(names, files))


# What each target is made of. A target names its intermediate artifacts too: Snakemake would not miss
# a deleted one otherwise, as long as what was made from it is still there.
SPACES = sorted({f"results/spaces/{benchmark.space}.h5" for benchmark in CONFIG.benchmarks.values()})
IMAGES = expand("results/images/{images}.h5", images=CONFIG.images)
CHILDREN = [*SPACES, *IMAGES, *all_chunks()]
BENCHMARKS = [*CHILDREN, *each_benchmark("results/benchmarks/{benchmark}.h5")]
IO_DATASET = [*BENCHMARKS, *each_benchmark("results/io_dataset/{benchmark}.h5")]
AUTOENCODERS = IO_DATASET + each_benchmark(
    "results/autoencoders/{benchmark}/{autoencoder}.h5", autoencoder=CONFIG.autoencoders
)
ZEROSHOT = [*SPACES, *IMAGES, *(chunk for benchmark in CONFIG.benchmarks for chunk in scores_of(benchmark))]
ZEROSHOT += each_benchmark("results/zeroshot/{benchmark}.h5")
PREDICTORS = [*AUTOENCODERS, *all_predictions(), "results/tables/predictors.csv"]
SEARCH = [*BENCHMARKS, *all_searches(), "results/tables/search.csv"]
REPORT = [*dict.fromkeys([*PREDICTORS, *ZEROSHOT, *SEARCH]), "results/report/index.html"]
