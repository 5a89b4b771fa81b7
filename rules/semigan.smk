# What SemiGAN-NAD generates under the best class, beside the benchmark's own cells.


rule generate_cells:
    input:
        unpack(strategy_inputs),
    output:
        "results/tables/semigan/{benchmark}/{strategy}.csv",
    log:
        "results/logs/semigan/{benchmark}/{strategy}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("semigan"),
        runtime=minutes("semigan"),
        gpu=gpus("semigan"),
    params:
        recipe=recipe("semigan"),
        oracle=oracle_option,
    shell:
        "python -m pipeline semigan --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} "
        "--strategy {wildcards.strategy:q} --benchmark-table {input.table:q} {params.oracle:q} --out {output:q}"
