# Benchmark tables: architectures with their metrics and costs, from networks trained here or from a file.


rule build_benchmark:
    input:
        children=chunks_of,
    output:
        "results/benchmarks/{benchmark}.h5",
    log:
        "results/logs/benchmarks/{benchmark}.log",
    wildcard_constraints:
        benchmark=one_of(TRAINED),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("benchmarks"),
        runtime=minutes("benchmarks"),
    params:
        recipe=recipe("benchmarks"),
    shell:
        "python -m pipeline benchmarks --recipe {params.recipe:q} --log {log:q} --children {input.children:q} --out {output:q}"


rule read_benchmark:
    input:
        lambda wildcards: FILES[wildcards.benchmark],
    output:
        "results/benchmarks/{benchmark}.h5",
    log:
        "results/logs/benchmarks/{benchmark}.log",
    wildcard_constraints:
        benchmark=one_of(FILES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("ingest"),
        runtime=minutes("ingest"),
    params:
        recipe=recipe("ingest"),
        listing=lambda wildcards: listing(FILES[wildcards.benchmark]),
    shell:
        "python -m pipeline ingest --recipe {params.recipe:q} --log {log:q} --file={input:q} --out {output:q}"


rule train_surrogate:
    input:
        table="results/benchmarks/{benchmark}.h5",
    output:
        model="results/surrogates/{benchmark}/{target}.ubj",
        folds="results/surrogates/{benchmark}/{target}.h5",
    log:
        "results/logs/surrogates/{benchmark}/{target}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        mem_mb=megabytes("surrogate"),
        runtime=minutes("surrogate"),
    params:
        recipe=recipe("surrogate"),
    shell:
        "python -m pipeline surrogate --recipe {params.recipe:q} --threads {threads:q} --log {log:q} --target {wildcards.target:q} "
        "--benchmark-table {input.table:q} --model {output.model:q} --out {output.folds:q}"
