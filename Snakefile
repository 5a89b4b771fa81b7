# nasflow: configuration, includes, target rules; nothing else.
from snakemake.utils import min_version

min_version("9.27")


if not workflow.configfiles:

    configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"
include: "rules/spaces.smk"
include: "rules/images.smk"
include: "rules/children.smk"
include: "rules/benchmarks.smk"
include: "rules/io_dataset.smk"
include: "rules/autoencoders.smk"
include: "rules/zeroshot.smk"
include: "rules/predictors.smk"
include: "rules/search.smk"
include: "rules/report.smk"


localrules:
    images,
    children,
    io_dataset,
    benchmarks,
    autoencoders,
    zeroshot,
    predictors,
    search,
    report,


rule report:
    default_target: True
    input:
        "results/report/index.html",


rule images:
    input:
        expand("results/images/{images}.h5", images=CONFIG.images),


rule children:
    input:
        all_chunks,


rule io_dataset:
    input:
        each_benchmark("results/io_dataset/{benchmark}.h5"),


rule benchmarks:
    input:
        each_benchmark("results/benchmarks/{benchmark}.h5"),


rule autoencoders:
    input:
        each_benchmark(
            "results/autoencoders/{benchmark}/{autoencoder}.h5",
            autoencoder=CONFIG.autoencoders,
        ),


rule zeroshot:
    input:
        each_benchmark("results/zeroshot/{benchmark}.h5"),


rule predictors:
    input:
        "results/tables/predictors.csv",


rule search:
    input:
        "results/tables/search.csv",
