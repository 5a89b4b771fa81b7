# An image set: decoded once, split by seed.


rule read_images:
    output:
        "results/images/{images}.h5",
    params:
        recipe=recipe("images"),
    log:
        "results/logs/images/{images}.log",
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} images --recipe {params.recipe:q} --log {log} --images {wildcards.images} --out {output}"
