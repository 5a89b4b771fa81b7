# The page that shows a person what came out; with several benchmarks a page each, and an overview.

ONLY = None if len(CONFIG.benchmarks) > 1 else next(iter(CONFIG.benchmarks))


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
        "autoencoders": expand(
            "results/autoencoders/{benchmark}/{autoencoder}.h5", **one, autoencoder=CONFIG.autoencoders
        ),
        "zeroshot": f"results/zeroshot/{benchmark}.h5" if benchmark in SCORED else [],
        "predictions": expand(
            "results/predictors/{benchmark}/{predictor}/n{n_train}.h5",
            **one,
            predictor=CONFIG.predictors,
            n_train=CONFIG.evaluation.n_train,
        ),
        "search": expand("results/search/{benchmark}/{strategy}.h5", **one, strategy=CONFIG.strategies),
        "tables": TABLES + SEARCH_TABLES,
    }


def page_options(wildcards, input):
    """The command's options for what there is."""
    names = surrogates_of(ONLY or wildcards.benchmark)
    options = {
        "--images": input.images,
        "--children": input.children,
        "--benchmark-table": input.table,
        "--surrogates": named(names, input.surrogates),
        "--io-dataset": input.io_dataset,
        "--autoencoders": named(CONFIG.autoencoders, input.autoencoders),
        "--zeroshot": input.zeroshot,
        "--predictions": input.predictions,
        "--search": named(CONFIG.strategies, input.search),
        "--tables": input.tables,
    }
    return " ".join(f"{option} {files}" for option, files in options.items() if len(files))


rule write_report:
    input:
        unpack(page_inputs),
    output:
        "results/report/index.html" if ONLY else "results/report/{benchmark}.html",
    log:
        "results/logs/report.log" if ONLY else "results/logs/report/{benchmark}.log",
    wildcard_constraints:
        benchmark=one_of(CONFIG.benchmarks),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=3000,
        runtime=10,
    params:
        recipe=recipe("report"),
        files=page_options,
    shell:
        "python -m pipeline report --recipe {params.recipe:q} --log {log} {params.files} --out {output}"


if not ONLY:

    rule write_report_index:
        input:
            benchmarks=each_benchmark("results/benchmarks/{benchmark}.h5"),
            predictors=TABLES,
            search=all_searches,
            pages=each_benchmark("results/report/{benchmark}.html"),
        output:
            "results/report/index.html",
        log:
            "results/logs/report.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=3000,
            runtime=10,
        params:
            recipe=recipe("report_index"),
            predictors=lambda wildcards, input: f"--predictors-table {input.predictors}" if TABLES else "",
            searches=lambda wildcards, input: f"--searches {input.search}" if CONFIG.strategies else "",
        shell:
            "python -m pipeline report_index --recipe {params.recipe:q} --log {log} --benchmark-tables {input.benchmarks} "
            "{params.predictors} {params.searches} --pages {input.pages} --out {output}"
