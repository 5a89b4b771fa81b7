# What all rules share: the checked configuration, wildcard constraints, and input functions.
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(workflow.basedir))

from pipeline.benchmarks.locate import check_labels, judged_by, listing, locate
from pipeline.autoencoders.names import latents_in, parse_latents
from pipeline.config import check, images_of, io_benchmark_of
from pipeline.errors import UserError
from pipeline.images.locate import locate_images
from pipeline.recipes import chunk_count, origin_of, recipe_json, scored_cells
from pipeline.spaces import UNLISTED
from pipeline.zeroshot.settings import scores_used

try:
    CONFIG = check(config, workflow.configfiles[0])
    TRAINED = CONFIG.trained()  # benchmarks whose networks are trained here
    FILES = {  # the others -> the file or folder that each is read from
        name: str(locate(name, benchmark, CONFIG.data_dir)[1])
        for name, benchmark in CONFIG.benchmarks.items()
        if name not in TRAINED
    }
    TESTED = CONFIG.tested()  # benchmarks that predictors are trained and tested on
    for name in TESTED if CONFIG.evaluation.labels == "test" else ():
        if name in FILES:
            check_labels(name, CONFIG.benchmarks[name], CONFIG.data_dir)
    IMAGE_FILES = {  # image sets -> the archive or folder that each is read from, or None
        name: locate_images(name, images, CONFIG.data_dir) for name, images in CONFIG.images.items()
    }
except UserError as error:
    raise WorkflowError(str(error))

# The only benchmark, whose page is index.html; None if there are several, with a page each.
ONLY = None if len(CONFIG.benchmarks) > 1 else next(iter(CONFIG.benchmarks))
ENVIRONMENT = f"../envs/{CONFIG.environment}.yaml"

# Commands run this project's package, with the Python that runs Snakemake unless conda brings its own.
PREFIX = f"export PYTHONPATH={shlex.quote(str(workflow.basedir))}; "
if not workflow.deployment_settings.deployment_method:
    PREFIX += f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
shell.prefix(PREFIX)


wildcard_constraints:
    autoencoder="[a-z][a-z0-9_]*",
    autoencoder_seed="[0-9]+",
    benchmark="[a-z][a-z0-9_]*",
    chunk="[0-9]+",
    images="[a-z][a-z0-9_]*",
    n_train="[0-9]+",
    predictor="[a-z][a-z0-9_]*",
    space="[a-z][a-z0-9_]*",
    strategy="[a-z][a-z0-9_]*",
    target="val_acc|test_acc",


def recipe(stage):
    """The rule's recipe: settings and code of its artifact, as one canonical string."""
    return lambda wildcards: recipe_json(stage, CONFIG, **dict(wildcards.items()))


def each_benchmark(pattern, **values):
    return expand(pattern, benchmark=CONFIG.benchmarks, **values)


def one_of(names):
    """A wildcard's pattern for exactly these names; of none, it matches nothing."""
    return "|".join(names) or "(?!)"


def space_of(wildcards):
    return f"results/spaces/{CONFIG.benchmarks[wildcards.benchmark].space}.h5"


def images_for(wildcards):
    return f"results/images/{images_of(CONFIG.benchmarks[wildcards.benchmark])}.h5"


def image_source_of(wildcards):
    """The archive or folder that an image set is read from; digits come from none."""
    file = IMAGE_FILES[wildcards.images]
    return [str(file)] if file else []


def children_of(benchmark):
    if benchmark not in TRAINED:
        return []
    children = CONFIG.benchmarks[benchmark].children
    return expand(
        "results/children/{benchmark}/chunk_{chunk}.h5",
        benchmark=benchmark,
        chunk=range(chunk_count(children.n_cells, children.chunk_size)),
    )


def scores_of(benchmark):
    return expand(
        "results/zeroshot/{benchmark}/chunk_{chunk}.h5",
        benchmark=benchmark,
        chunk=range(chunk_count(scored_cells(CONFIG, benchmark), CONFIG.zeroshot.chunk_size)),
    )


def surrogates_of(benchmark):
    """{val_acc, test_acc: file} of the surrogates that answer for a benchmark; empty without any."""
    settings = CONFIG.benchmarks[benchmark]
    if origin_of(settings) != "surrogate":
        return {}
    targets = ["val_acc"] + (["test_acc"] if judged_by(benchmark, settings, CONFIG.data_dir) else [])
    return {target: f"results/surrogates/{benchmark}/{target}.ubj" for target in targets}


def chunks_of(wildcards):
    return children_of(wildcards.benchmark)


def score_chunks_of(wildcards):
    return scores_of(wildcards.benchmark)


def scored_cells_of(wildcards):
    """Where the cells come from that get zero-shot scores: the space, or a table that was read from a file."""
    if wildcards.benchmark in TRAINED:
        return {"space": space_of(wildcards)}
    return {"table": "results/benchmarks/{benchmark}.h5"}


def autoencoder_inputs(wildcards):
    """arch2vec reads cells; info-NAS also reads what trained networks output, and for which images."""
    inputs = {"table": "results/benchmarks/{benchmark}.h5"}
    if CONFIG.benchmarks[wildcards.benchmark].space not in UNLISTED:
        inputs |= {"space": space_of(wildcards)}
    if CONFIG.autoencoders[wildcards.autoencoder].model == "infonas":
        source = io_benchmark_of(CONFIG, wildcards.benchmark, wildcards.autoencoder)
        images = images_of(CONFIG.benchmarks[source])
        inputs |= {"io": f"results/io_dataset/{source}.h5", "images": f"results/images/{images}.h5"}
    return inputs


def embedding_inputs(wildcards):
    """An autoencoder, and the cells to embed: the table's, and the space's where it is listed."""
    inputs = {"table": "results/benchmarks/{benchmark}.h5"}
    if CONFIG.benchmarks[wildcards.benchmark].space not in UNLISTED:
        inputs |= {"space": space_of(wildcards)}
    return inputs | {
        "autoencoder": "results/autoencoders/{benchmark}/{autoencoder}/seed_{autoencoder_seed}.h5"
    }


def autoencoder_option(wildcards, input):
    """The files that the stages of autoencoders read beside the table, where there are such."""
    options = {
        "autoencoder": "--autoencoder-file",
        "space": "--space-file",
        "io": "--io-dataset",
        "images": "--images",
    }
    return " ".join(f"{option} {input[name]}" for name, option in options.items() if name in input.keys())


def autoencoders_of(benchmark, directory="autoencoders"):
    """(name, file) of every run of every autoencoder on a benchmark."""
    return [
        (name, f"results/{directory}/{benchmark}/{name}/seed_{run}.h5")
        for name, settings in CONFIG.autoencoders.items()
        for run in range(1, settings.n_seeds + 1)
    ]


def all_autoencoders(wildcards=None):
    return [file for benchmark in CONFIG.benchmarks for _, file in autoencoders_of(benchmark)]


def latents_of(wildcards):
    """Names of the latents that a predictor takes, or a strategy with its predictor; none twice."""
    if "predictor" in wildcards.keys():
        return latents_in(CONFIG.predictors[wildcards.predictor])
    strategy = CONFIG.strategies[wildcards.strategy]
    predictor = CONFIG.predictors[strategy["predictor"]] if strategy.get("predictor") else {}
    return list(dict.fromkeys(latents_in(strategy) + latents_in(predictor)))


def latents_inputs(wildcards):
    """The runs of autoencoders that these are of, in the same order."""
    benchmark, named = wildcards.benchmark, [parse_latents(text) for text in latents_of(wildcards)]
    files = [f"results/autoencoders/{benchmark}/{n.autoencoder}/seed_{n.run}.h5" for n in named]
    return {"latents": files} if files else {}


def scores_inputs(benchmark, *settings):
    """The zero-shot scores, if one of a predictor's or strategy's settings names any."""
    used = any(scores_used(each) for each in settings)
    return {"zeroshot": f"results/zeroshot/{benchmark}.h5"} if used else {}


def predictor_inputs(wildcards):
    inputs = {"table": "results/benchmarks/{benchmark}.h5"}
    inputs |= scores_inputs(wildcards.benchmark, CONFIG.predictors[wildcards.predictor])
    return inputs | latents_inputs(wildcards)


def strategy_inputs(wildcards):
    inputs = {"table": "results/benchmarks/{benchmark}.h5"} | surrogates_of(wildcards.benchmark)
    if wildcards.benchmark in TRAINED:
        inputs["images"] = images_for(wildcards)
        if CONFIG.benchmarks[wildcards.benchmark].space not in UNLISTED:
            inputs["space"] = space_of(wildcards)
    strategy = CONFIG.strategies[wildcards.strategy]
    inputs |= scores_inputs(
        wildcards.benchmark, strategy, CONFIG.predictors.get(strategy.get("predictor"), {})
    )
    return inputs | latents_inputs(wildcards)


def oracle_option(wildcards, input):
    """What a search's accuracies come from: networks trained here, surrogates, or the table alone."""
    if wildcards.benchmark in TRAINED:
        kept = f"results/search/{wildcards.benchmark}/trained"
        cells = f"--space-file {input.space} " if "space" in input.keys() else ""
        return f"{cells}--images {input.images} --cache {kept}"
    files = surrogates_of(wildcards.benchmark)
    return f"--surrogates {named(files, files.values())}" if files else ""


def side_by_side_of(wildcards):
    """How many networks a job trains at a time."""
    trained = wildcards.benchmark in TRAINED
    return CONFIG.benchmarks[wildcards.benchmark].children.side_by_side if trained else 1


def latents_option(wildcards, input):
    """--latents NAME=FILE … for each of the latents among the inputs."""
    names = latents_of(wildcards)
    return f"--latents {named(names, input.latents)}" if names else ""


def zeroshot_option(wildcards, input):
    """--zeroshot FILE if scores are among the inputs."""
    return f"--zeroshot {input.zeroshot}" if "zeroshot" in input.keys() else ""


def all_predictions(wildcards=None):
    return expand(
        "results/predictors/{benchmark}/{predictor}/n{n_train}.h5",
        benchmark=TESTED,
        predictor=CONFIG.predictors,
        n_train=CONFIG.evaluation.n_train,
    )


def all_searches(wildcards=None):
    return each_benchmark("results/search/{benchmark}/{strategy}.h5", strategy=CONFIG.strategies)


def named(names, files):
    """NAME=FILE options, in order."""
    return " ".join(f"{name}={file}" for name, file in zip(names, files))


def page_inputs(wildcards):
    """What there is of one benchmark, by the option of `report` that takes it."""
    benchmark = ONLY or wildcards.benchmark
    trained = benchmark in TRAINED
    one = {"benchmark": benchmark}
    return {
        "images": f"results/images/{images_of(CONFIG.benchmarks[benchmark])}.h5" if trained else [],
        "children": children_of(benchmark),
        "table": f"results/benchmarks/{benchmark}.h5",
        "surrogates": [Path(file).with_suffix(".h5") for file in surrogates_of(benchmark).values()],
        "io_dataset": f"results/io_dataset/{benchmark}.h5" if trained else [],
        "autoencoders": [file for _, file in autoencoders_of(benchmark)],
        "zeroshot": f"results/zeroshot/{benchmark}.h5" if benchmark in SCORED else [],
        "predictions": expand(
            "results/predictors/{benchmark}/{predictor}/n{n_train}.h5",
            **one,
            predictor=CONFIG.predictors if benchmark in TESTED else [],
            n_train=CONFIG.evaluation.n_train,
        ),
        "search": expand("results/search/{benchmark}/{strategy}.h5", **one, strategy=CONFIG.strategies),
        "tables": TABLES + SEARCH_TABLES,
    }


def page_options(wildcards, input):
    """The command's options for what there is."""
    benchmark = ONLY or wildcards.benchmark
    names = surrogates_of(benchmark)
    encoders = [name for name, _ in autoencoders_of(benchmark)]
    options = {
        "--images": input.images,
        "--children": input.children,
        "--benchmark-table": input.table,
        "--surrogates": named(names, input.surrogates),
        "--io-dataset": input.io_dataset,
        "--autoencoders": named(encoders, input.autoencoders),
        "--zeroshot": input.zeroshot,
        "--predictions": input.predictions,
        "--search": named(CONFIG.strategies, input.search),
        "--tables": input.tables,
    }
    return " ".join(f"{option} {files}" for option, files in options.items() if len(files))


# What each target is made of. A target names its intermediate artifacts too: Snakemake would not miss
# a deleted one otherwise, as long as what was made from it is still there.
LISTED = [  # benchmarks that need all cells of their space
    name
    for name, settings in CONFIG.benchmarks.items()
    if name in TRAINED or (CONFIG.autoencoders and settings.space not in UNLISTED)
]
SPACES = sorted({f"results/spaces/{CONFIG.benchmarks[benchmark].space}.h5" for benchmark in LISTED})
IMAGES = expand("results/images/{images}.h5", images=CONFIG.images)
CHILDREN = [*SPACES, *IMAGES, *(chunk for benchmark in TRAINED for chunk in children_of(benchmark))]
SURROGATES = [file for benchmark in CONFIG.benchmarks for file in surrogates_of(benchmark).values()]
BENCHMARKS = [*CHILDREN, *each_benchmark("results/benchmarks/{benchmark}.h5"), *SURROGATES]
IO_DATASET = BENCHMARKS + expand("results/io_dataset/{benchmark}.h5", benchmark=TRAINED)
AUTOENCODER_TABLES = ["results/tables/autoencoders.csv"] if CONFIG.autoencoders else []
AUTOENCODERS = [*IO_DATASET, *all_autoencoders(), *AUTOENCODER_TABLES]
EMBEDDINGS = AUTOENCODERS + [
    file for benchmark in CONFIG.benchmarks for _, file in autoencoders_of(benchmark, "embeddings")
]
SCORED = CONFIG.scored()
ZEROSHOT = [*BENCHMARKS, *(chunk for benchmark in SCORED for chunk in scores_of(benchmark))]
ZEROSHOT += expand("results/zeroshot/{benchmark}.h5", benchmark=SCORED)
TABLES = ["results/tables/predictors.csv"] if CONFIG.predictors else []
PREDICTORS = [*AUTOENCODERS, *all_predictions(), *TABLES]
SEARCH_TABLES = ["results/tables/search.csv"] if CONFIG.strategies else []
SEARCH = [*BENCHMARKS, *all_searches(), *SEARCH_TABLES]
PAGES = each_benchmark("results/report/{benchmark}.html") if len(CONFIG.benchmarks) > 1 else []
REPORT = [*dict.fromkeys([*PREDICTORS, *ZEROSHOT, *SEARCH, *PAGES]), "results/report/index.html"]
