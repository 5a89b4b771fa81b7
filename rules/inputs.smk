# Input functions: which artifacts a rule's job reads.


def space_of(wildcards):
    return f"results/spaces/{CONFIG.benchmarks[wildcards.benchmark].space}.h5"


def listed_space_of(wildcards):
    """All cells of the space, where it can be listed."""
    listed = CONFIG.benchmarks[wildcards.benchmark].space not in UNLISTED
    return {"space": space_of(wildcards)} if listed else {}


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
    inputs = {"table": "results/benchmarks/{benchmark}.h5"} | listed_space_of(wildcards)
    if CONFIG.autoencoders[wildcards.autoencoder].model == "infonas":
        source = io_benchmark_of(CONFIG, wildcards.benchmark, wildcards.autoencoder)
        images = images_of(CONFIG.benchmarks[source])
        inputs |= {"io": f"results/io_dataset/{source}.h5", "images": f"results/images/{images}.h5"}
    return inputs


def embedding_inputs(wildcards):
    """An autoencoder, and the cells to embed: the table's, and the space's where it is listed."""
    inputs = {"table": "results/benchmarks/{benchmark}.h5"} | listed_space_of(wildcards)
    return inputs | {
        "autoencoder": "results/autoencoders/{benchmark}/{autoencoder}/seed_{autoencoder_seed}.h5"
    }


def autoencoders_of(benchmark, directory="autoencoders"):
    """(name, file) of every run of every autoencoder on a benchmark."""
    return [
        (name, f"results/{directory}/{benchmark}/{name}/seed_{run}.h5")
        for name in CONFIG.encoders_of(benchmark)
        for run in range(1, CONFIG.autoencoders[name].n_seeds + 1)
    ]


def all_autoencoders(wildcards=None):
    return [file for benchmark in CONFIG.benchmarks for _, file in autoencoders_of(benchmark)]


def learners_of(wildcards):
    """Settings of what may read latents and zero-shot scores: a predictor, or a strategy and its predictor."""
    if "predictor" in wildcards.keys():
        return [on(CONFIG.predictors[wildcards.predictor], wildcards.benchmark)]
    strategy = on(CONFIG.strategies[wildcards.strategy], wildcards.benchmark)
    predictor = strategy.get("predictor")
    return [strategy, *([on(CONFIG.predictors[predictor], wildcards.benchmark)] if predictor else [])]


def latents_of(wildcards):
    """Names of the latents that a predictor takes, or a strategy with its predictor; none twice."""
    return list(dict.fromkeys(name for each in learners_of(wildcards) for name in latents_in(each)))


def latents_inputs(wildcards):
    """The runs of autoencoders that these are of, in the same order."""
    benchmark, named = wildcards.benchmark, [parse_latents(text) for text in latents_of(wildcards)]
    files = [f"results/autoencoders/{benchmark}/{n.autoencoder}/seed_{n.run}.h5" for n in named]
    return {"latents": files} if files else {}


def scores_inputs(wildcards):
    """The zero-shot scores, if these take any."""
    used = any(scores_used(each) for each in learners_of(wildcards))
    return {"zeroshot": "results/zeroshot/{benchmark}.h5"} if used else {}


def predictor_inputs(wildcards):
    inputs = {"table": "results/benchmarks/{benchmark}.h5"}
    return inputs | scores_inputs(wildcards) | latents_inputs(wildcards)


def ranking_inputs(wildcards):
    """What a predictor reads, and the cells to put in order: the space's, or its catalogue."""
    return predictor_inputs(wildcards) | {"space": space_of(wildcards)}


def strategy_inputs(wildcards):
    inputs = {"table": "results/benchmarks/{benchmark}.h5"} | surrogates_of(wildcards.benchmark)
    if wildcards.benchmark in TRAINED:
        inputs |= {"images": images_for(wildcards)} | listed_space_of(wildcards)
    return inputs | scores_inputs(wildcards) | latents_inputs(wildcards)


def predictions_of(benchmark):
    """Every predictor at every training size, where predictors are tested on the benchmark."""
    return expand(
        "results/predictors/{benchmark}/{predictor}/n{n_train}.h5",
        benchmark=benchmark,
        predictor=CONFIG.predictors_of(benchmark) if benchmark in TESTED else [],
        n_train=CONFIG.evaluation.on(benchmark).n_train,
    )


def searches_of(benchmark):
    return expand(
        "results/search/{benchmark}/{strategy}.h5",
        benchmark=benchmark,
        strategy=CONFIG.strategies_of(benchmark),
    )


def generated_of(benchmark):
    """Tables of what a benchmark's semigan_nad strategies generate, where that is asked for."""
    if CONFIG.generation is None or benchmark in TRAINED:
        return []
    methods = {name: CONFIG.strategies[name]["method"] for name in CONFIG.strategies_of(benchmark)}
    names = [name for name, method in methods.items() if method == "semigan_nad"]
    return expand("results/tables/semigan/{benchmark}/{strategy}.csv", benchmark=benchmark, strategy=names)


def all_predictions(wildcards=None):
    return [file for benchmark in CONFIG.benchmarks for file in predictions_of(benchmark)]


def all_searches(wildcards=None):
    return [file for benchmark in CONFIG.benchmarks for file in searches_of(benchmark)]


def page_inputs(wildcards):
    """What there is of one benchmark, by the option of `report` that takes it."""
    benchmark = ONLY or wildcards.benchmark
    trained = benchmark in TRAINED
    return {
        "images": f"results/images/{images_of(CONFIG.benchmarks[benchmark])}.h5" if trained else [],
        "children": children_of(benchmark),
        "table": f"results/benchmarks/{benchmark}.h5",
        "surrogates": [Path(file).with_suffix(".h5") for file in surrogates_of(benchmark).values()],
        "io_dataset": f"results/io_dataset/{benchmark}.h5" if trained else [],
        "autoencoders": [file for _, file in autoencoders_of(benchmark)],
        "zeroshot": f"results/zeroshot/{benchmark}.h5" if benchmark in SCORED else [],
        "predictions": predictions_of(benchmark),
        "search": searches_of(benchmark),
        "tables": [*TABLES, *SEARCH_TABLES, *generated_of(benchmark)],
        "papers": PAPERS,
    }
