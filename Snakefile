# nasflow: configuration, includes, target rules; nothing else.
from snakemake.utils import min_version

min_version("9.27")


if not workflow.configfiles:

    configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"
include: "rules/requests.smk"
include: "rules/inputs.smk"
include: "rules/options.smk"
include: "rules/targets.smk"
include: "rules/spaces.smk"
include: "rules/images.smk"
include: "rules/children.smk"
include: "rules/benchmarks.smk"
include: "rules/io_dataset.smk"
include: "rules/autoencoders.smk"
include: "rules/zeroshot.smk"
include: "rules/predictors.smk"
include: "rules/search.smk"
include: "rules/papers.smk"
include: "rules/semigan.smk"
include: "rules/report.smk"


localrules:
    images,
    children,
    io_dataset,
    benchmarks,
    autoencoders,
    embeddings,
    zeroshot,
    predictors,
    search,
    papers,
    generated,
    report,


rule report:
    """The report and all that stands in it; the default."""
    default_target: True
    input:
        REPORT,


rule images:
    """Image sets: decoded once, split by seed."""
    input:
        IMAGES,


rule children:
    """Child networks of benchmarks that are trained here."""
    input:
        CHILDREN,


rule io_dataset:
    """What trained networks output for images."""
    input:
        IO_DATASET,


rule benchmarks:
    """Benchmark tables, from trained networks or from files, and surrogates."""
    input:
        BENCHMARKS,


rule autoencoders:
    """arch2vec and info-NAS, and their table."""
    input:
        AUTOENCODERS,


rule embeddings:
    """Embeddings of all cells of each space by each autoencoder; not part of the report."""
    input:
        EMBEDDINGS,


rule zeroshot:
    """Scores of untrained networks."""
    input:
        ZEROSHOT,


rule predictors:
    """Predictors, trained and tested, and their tables."""
    input:
        PREDICTORS,


rule search:
    """Searches, and their table."""
    input:
        SEARCH,


rule papers:
    """Numbers of papers beside this run's."""
    input:
        PAPERS,


rule generated:
    """What SemiGAN-NAD generates, beside the benchmark's cells."""
    input:
        GENERATED,
