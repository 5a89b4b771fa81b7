# An image set: decoded once, split by seed.


rule read_images:
    input:
        image_source_of,
    output:
        "results/images/{images}.h5",
    log:
        "results/logs/images/{images}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("images"),
        runtime=minutes("images"),
    params:
        recipe=recipe("images"),
        listing=lambda wildcards: "".join(map(listing, image_source_of(wildcards))),
        file=image_file_option,
    shell:
        "python -m pipeline images --recipe {params.recipe:q} --log {log:q} --images {wildcards.images:q} {params.file:q} --out {output:q}"
