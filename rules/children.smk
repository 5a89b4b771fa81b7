# Child networks, trained in chunks. A chunk that was killed continues from its work folder.


rule train_children:
    input:
        space=space_of,
        images=images_for,
    output:
        "results/children/{benchmark}/chunk_{chunk}.h5",
    log:
        "results/logs/children/{benchmark}/chunk_{chunk}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("children"),
        runtime=minutes("children"),
        gpu=gpus("children"),
        side_by_side=side_by_side_of,  # not a param: it changes no result
    params:
        recipe=recipe("children"),
        work="results/children/{benchmark}/partial/chunk_{chunk}",
    shell:
        "python -m pipeline children --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} --space-file {input.space:q} "
        "--images {input.images:q} --chunk {wildcards.chunk:q} --side-by-side {resources.side_by_side:q} --work {params.work:q} --out {output:q}"
