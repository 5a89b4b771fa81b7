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
    default_target: True
    input:
        REPORT,


rule images:
    input:
        IMAGES,


rule children:
    input:
        CHILDREN,


rule io_dataset:
    input:
        IO_DATASET,


rule benchmarks:
    input:
        BENCHMARKS,


rule autoencoders:
    input:
        AUTOENCODERS,


rule embeddings:
    input:
        EMBEDDINGS,


rule zeroshot:
    input:
        ZEROSHOT,


rule predictors:
    input:
        PREDICTORS,


rule search:
    input:
        SEARCH,


rule papers:
    input:
        PAPERS,


rule generated:
    input:
        GENERATED,
