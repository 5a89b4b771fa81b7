# Search strategies; newly found cells are trained for real, and kept for whoever asks again.


rule run_strategy:
    input:
        unpack(strategy_inputs),
    output:
        "results/search/{benchmark}/{strategy}.h5",
    log:
        "results/logs/search/{benchmark}/{strategy}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("search"),
        runtime=minutes("search"),
        gpu=gpus("search"),
        side_by_side=side_by_side_of,  # not a param: it changes no result
    params:
        recipe=recipe("search"),
        oracle=oracle_option,
        latents=latents_option,
        zeroshot=zeroshot_option,
    shell:
        "python -m pipeline search --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} --strategy {wildcards.strategy:q} "
        "--benchmark-table {input.table:q} {params.oracle:q} --side-by-side {resources.side_by_side:q} {params.latents:q} {params.zeroshot:q} --out {output:q}"


rule search_table:
    input:
        all_searches,
    output:
        report("results/tables/search.csv", caption="captions/search.rst", category="Tables"),
    log:
        "results/logs/tables/search.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("search_table"),
        runtime=minutes("search_table"),
    params:
        recipe=recipe("search_table"),
    shell:
        "python -m pipeline search_table --recipe {params.recipe:q} --log {log:q} --searches {input:q} --out {output:q}"
