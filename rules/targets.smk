# What each target is made of. A target names its intermediate artifacts too: Snakemake would not miss
# a deleted one otherwise, as long as what was made from it is still there.
LISTED = [  # benchmarks that need all cells of their space
    name
    for name, settings in CONFIG.benchmarks.items()
    if name in TRAINED or (CONFIG.encoders_of(name) and settings.space not in UNLISTED)
]
SPACES = sorted({f"results/spaces/{CONFIG.benchmarks[benchmark].space}.h5" for benchmark in LISTED})
IMAGES = expand("results/images/{images}.h5", images=CONFIG.images)
CHILDREN = [*SPACES, *IMAGES, *(chunk for benchmark in TRAINED for chunk in children_of(benchmark))]
SURROGATES = [file for benchmark in CONFIG.benchmarks for file in surrogates_of(benchmark).values()]
BENCHMARKS = [*CHILDREN, *each_benchmark("results/benchmarks/{benchmark}.h5"), *SURROGATES]
IO_DATASET = BENCHMARKS + expand("results/io_dataset/{benchmark}.h5", benchmark=TRAINED)
AUTOENCODER_TABLES = ["results/tables/autoencoders.csv"] if all_autoencoders() else []
AUTOENCODERS = [*IO_DATASET, *all_autoencoders(), *AUTOENCODER_TABLES]
EMBEDDINGS = AUTOENCODERS + [
    file for benchmark in CONFIG.benchmarks for _, file in autoencoders_of(benchmark, "embeddings")
]
SCORED = CONFIG.scored()
ZEROSHOT = [*BENCHMARKS, *(chunk for benchmark in SCORED for chunk in scores_of(benchmark))]
ZEROSHOT += expand("results/zeroshot/{benchmark}.h5", benchmark=SCORED)
TABLES = ["results/tables/predictors.csv"] if all_predictions() else []
PREDICTORS = [*AUTOENCODERS, *all_predictions(), *TABLES]
SEARCH_TABLES = ["results/tables/search.csv"] if all_searches() else []
GENERATED_TABLES = [file for benchmark in CONFIG.benchmarks for file in generated_of(benchmark)]
GENERATED = [*BENCHMARKS, *GENERATED_TABLES]
SEARCH = [*BENCHMARKS, *all_searches(), *SEARCH_TABLES]
PAPERS = expand("results/tables/papers/{paper}.csv", paper=CONFIG.papers)
PAGES = each_benchmark("results/report/{benchmark}.html") if len(CONFIG.benchmarks) > 1 else []
FIGURES = each_benchmark("results/figures/{benchmark}/figures.csv") if CONFIG.figures != "none" else []
REPORT = [
    *dict.fromkeys([*PREDICTORS, *ZEROSHOT, *SEARCH, *GENERATED, *PAPERS, *PAGES]),
    "results/report/index.html",
    *FIGURES,
]
COSTS = ["results/tables/predictors_cost.csv"] if TABLES else []

# An artifact that was changed after it was written is used by no job; here it is told even if no job would read it.
if workflow.is_main_process and not workflow.output_settings.dryrun:
    files = dict.fromkeys([*REPORT, *EMBEDDINGS, *COSTS])
    end_future_times(files)
    changed = changed_since_written(files, CHECKED_SIZE)
    if changed:
        raise WorkflowError(changed)
