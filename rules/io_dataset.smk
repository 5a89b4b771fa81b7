# What the trained networks output for images. A killed run goes on from its work folder.


rule extract_outputs:
    input:
        children=chunks_of,
        table="results/benchmarks/{benchmark}.h5",
        images=images_for,
    output:
        "results/io_dataset/{benchmark}.h5",
    log:
        "results/logs/io_dataset/{benchmark}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("io_dataset"),
        runtime=minutes("io_dataset"),
        gpu=gpus("io_dataset"),
    params:
        recipe=recipe("io_dataset"),
        work="results/io_dataset/partial/{benchmark}",
    shell:
        "python -m pipeline io_dataset --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} --children {input.children:q} "
        "--benchmark-table {input.table:q} --images {input.images:q} --work {params.work:q} --out {output:q}"
