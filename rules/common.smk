# What all rules share: the checked configuration, wildcard constraints, recipes.
import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(workflow.basedir))

from pipeline.benchmarks.locate import check_labels, judged_by, listing, locate
from pipeline.autoencoders.names import latents_in, parse_latents
from pipeline.benchmarks.settings import images_of
from pipeline.by_benchmark import on
from pipeline.config.model import check, io_benchmark_of, source_of
from pipeline.errors import UserError
from pipeline.storage.files import CHECKED_SIZE, end_future_times
from pipeline.staleness.folder_use import begin, tell
from pipeline.images.locate import locate_images
from pipeline.staleness.recipes import chunk_count, origin_of, recipe_json, scored_cells
from pipeline.storage.sidecars import changed_since_written
from pipeline.spaces import NAMES as SPACE_NAMES
from pipeline.spaces import UNLISTED
from pipeline.zeroshot.settings import scores_used

tell()

try:
    CONFIG = check(config, source_of(workflow.configfiles))
    TRAINED = CONFIG.trained()  # benchmarks whose networks are trained here
    FILES = {  # the others -> the file or folder that each is read from
        name: str(locate(name, benchmark, CONFIG.data_dir)[1])
        for name, benchmark in CONFIG.benchmarks.items()
        if name not in TRAINED
    }
    TESTED = CONFIG.tested()  # benchmarks that predictors are trained and tested on
    for name in TESTED:
        if name in FILES and CONFIG.evaluation.on(name).labels == "test":
            check_labels(name, CONFIG.benchmarks[name], CONFIG.data_dir)
    for name in FILES:
        if CONFIG.strategies_of(name) and CONFIG.search.on(name).metric == "test":
            check_labels(name, CONFIG.benchmarks[name], CONFIG.data_dir, "search.metric")
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
PREFIX += f"export NASFLOW_SNAKEMAKE={os.getpid()}; "  # its jobs end when it is killed
if not workflow.deployment_settings.deployment_method:
    PREFIX += f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
shell.prefix(PREFIX)


onstart:
    try:
        begin(local=workflow.local_exec)
    except UserError as error:
        raise WorkflowError(str(error))


def one_of(names):
    """A wildcard's pattern for exactly these names; of none, it matches nothing."""
    return "|".join(names) or "(?!)"


NUMBER = "0|[1-9][0-9]*"


wildcard_constraints:
    autoencoder=one_of(CONFIG.autoencoders),
    autoencoder_seed=NUMBER,
    benchmark=one_of(CONFIG.benchmarks),
    chunk=NUMBER,
    images=one_of(CONFIG.images),
    n_train=NUMBER,
    paper=one_of(CONFIG.papers),
    predictor=one_of(CONFIG.predictors),
    space=one_of(SPACE_NAMES),
    strategy=one_of(CONFIG.strategies),
    target="val_acc|test_acc",


def recipe(stage):
    """The rule's recipe: settings and code of its artifact, as one canonical string."""
    return lambda wildcards: recipe_json(stage, CONFIG, **dict(wildcards.items()))


def each_benchmark(pattern, **values):
    return expand(pattern, benchmark=CONFIG.benchmarks, **values)
