# A search space: all its cells with their keys, or a catalogue of cells where there are too many.


rule enumerate_space:
    output:
        "results/spaces/{space}.h5",
    log:
        "results/logs/spaces/{space}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("space"),
        runtime=minutes("space"),
    params:
        recipe=recipe("space"),
    shell:
        "python -m pipeline space --recipe {params.recipe:q} --log {log:q} --space {wildcards.space:q} --out {output:q}"
