# An image set: decoded once, split by seed.


rule read_images:
    output:
        "results/images/{images}.h5",
    log:
        "results/logs/images/{images}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        recipe=recipe("images"),
    shell:
        "python -m pipeline images --recipe {params.recipe:q} --log {log} --images {wildcards.images} --out {output}"
