# Benchmark tables: architectures with their metrics and costs.


rule build_benchmark:
    input:
        children=chunks_of,
    output:
        "results/benchmarks/{benchmark}.h5",
    log:
        "results/logs/benchmarks/{benchmark}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        recipe=recipe("benchmarks"),
    shell:
        "python -m pipeline benchmarks --recipe {params.recipe:q} --log {log} --children {input.children} --out {output}"
