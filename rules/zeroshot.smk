# Scores of untrained networks, in chunks, joined to one file.


rule score_cells:
    input:
        unpack(scored_cells_of),
        images=images_for,
    output:
        "results/zeroshot/{benchmark}/chunk_{chunk}.h5",
    log:
        "results/logs/zeroshot/{benchmark}/chunk_{chunk}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("zeroshot"),
        runtime=minutes("zeroshot"),
        gpu=gpus("zeroshot"),
    params:
        recipe=recipe("zeroshot"),
        cells=cells_option,
        kept="results/zeroshot/{benchmark}/kept",
    shell:
        "python -m pipeline zeroshot --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} {params.cells:q} "
        "--images {input.images:q} --chunk {wildcards.chunk:q} --cache {params.kept:q} --out {output:q}"


rule join_scores:
    input:
        score_chunks_of,
    output:
        "results/zeroshot/{benchmark}.h5",
    log:
        "results/logs/zeroshot/{benchmark}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("zeroshot_collect"),
        runtime=minutes("zeroshot_collect"),
    params:
        recipe=recipe("zeroshot_collect"),
    shell:
        "python -m pipeline zeroshot_collect --recipe {params.recipe:q} --log {log:q} --chunks {input:q} --out {output:q}"
