# What the trained networks output for images.


rule extract_outputs:
    input:
        children=chunks_of,
        table="results/benchmarks/{benchmark}.h5",
        images=images_of,
    output:
        "results/io_dataset/{benchmark}.h5",
    params:
        recipe=recipe("io_dataset"),
    log:
        "results/logs/io_dataset/{benchmark}.log",
    resources:
        mem_mb=3000,
        runtime=60,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} io_dataset --recipe {params.recipe:q} {HOW} --log {log} --children {input.children} "
        "--benchmark-table {input.table} --images {input.images} --out {output}"
