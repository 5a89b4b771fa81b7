# Search strategies; newly found cells are trained for real, and kept for whoever asks again.


rule run_strategy:
    input:
        unpack(strategy_inputs),
    output:
        "results/search/{benchmark}/{strategy}.h5",
    params:
        recipe=recipe("search"),
        cache="results/search/{benchmark}/trained",
        latents=latents_option,
    log:
        "results/logs/search/{benchmark}/{strategy}.log",
    resources:
        mem_mb=4000,
        runtime=240,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} search --recipe {params.recipe:q} {HOW} --log {log} --strategy {wildcards.strategy} "
        "--benchmark-table {input.table} --space-file {input.space} --images {input.images} "
        "--cache {params.cache} {params.latents} --out {output}"


rule search_table:
    input:
        all_searches,
    output:
        "results/tables/search.csv",
    params:
        recipe=recipe("search_table"),
    log:
        "results/logs/tables/search.log",
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} search_table --recipe {params.recipe:q} --log {log} --searches {input} --out {output}"
