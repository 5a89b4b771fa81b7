# A search space: all its cells with their keys.


rule enumerate_space:
    output:
        "results/spaces/{space}.h5",
    params:
        recipe=recipe("space"),
    log:
        "results/logs/spaces/{space}.log",
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} space --recipe {params.recipe:q} --log {log} --space {wildcards.space} --out {output}"
