# Options of commands that differ from job to job, as lists of words: rules quote each word for the shell.


def named(names, files):
    """NAME=FILE words, in order."""
    return [f"{name}={file}" for name, file in zip(names, files)]


def words(options):
    """The words of {option: its file or files}."""
    return [
        word
        for option, files in options.items()
        for word in [option, *([files] if isinstance(files, str) else files)]
    ]


def autoencoder_option(wildcards, input):
    """The files that the stages of autoencoders read beside the table, where there are such."""
    options = {
        "autoencoder": "--autoencoder-file",
        "space": "--space-file",
        "io": "--io-dataset",
        "images": "--images",
    }
    return words({option: input[name] for name, option in options.items() if name in input.keys()})


def oracle_option(wildcards, input):
    """What a search's accuracies come from: networks trained here, surrogates, or the table alone."""
    if wildcards.benchmark in TRAINED:
        cells = {"--space-file": input.space} if "space" in input.keys() else {}
        kept = f"results/search/{wildcards.benchmark}/trained"
        return words(cells | {"--images": input.images, "--cache": kept})
    files = surrogates_of(wildcards.benchmark)
    return words({"--surrogates": named(files, files.values())} if files else {})


def side_by_side_of(wildcards):
    """How many networks a job trains at a time."""
    trained = wildcards.benchmark in TRAINED
    return CONFIG.benchmarks[wildcards.benchmark].children.side_by_side if trained else 1


def latents_option(wildcards, input):
    """--latents NAME=FILE … for each of the latents among the inputs."""
    names = latents_of(wildcards)
    return words({"--latents": named(names, input.latents)} if names else {})


def zeroshot_option(wildcards, input):
    """--zeroshot FILE if scores are among the inputs."""
    return words({"--zeroshot": input.zeroshot} if "zeroshot" in input.keys() else {})


def paper_options(wildcards, input):
    """The tables of measures that there are."""
    options = {
        "--predictors-table": input.predictors,
        "--search-table": input.search,
        "--generated": input.generated,
    }
    return words({option: file for option, file in options.items() if len(file)})


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
        "--search": named(CONFIG.strategies_of(benchmark), input.search),
        "--tables": input.tables,
        "--papers": input.papers,
    }
    return words({option: files for option, files in options.items() if len(files)})


def cells_option(wildcards, input):
    """Where the cells come from that get zero-shot scores."""
    options = {"space": "--space-file", "table": "--benchmark-table"}
    return words({option: input[name] for name, option in options.items() if name in input.keys()})


def image_file_option(wildcards, input):
    """The archive or folder of an image set; one word, as its name may begin with a dash."""
    return [f"--file={file}" for file in input]


def tables_option(option, files):
    """An option of the overview, if there are such files."""
    return words({option: files} if len(files) else {})
