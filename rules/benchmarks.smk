# Benchmark tables: architectures with their metrics and costs.


rule build_benchmark:
    input:
        children=chunks_of,
    output:
        "results/benchmarks/{benchmark}.h5",
    params:
        recipe=recipe("benchmarks"),
    log:
        "results/logs/benchmarks/{benchmark}.log",
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} benchmarks --recipe {params.recipe:q} --log {log} --children {input.children} --out {output}"
