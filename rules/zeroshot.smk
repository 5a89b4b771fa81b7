# Scores of untrained networks, in chunks, joined to one file.


rule score_cells:
    input:
        space=space_of,
        images=images_of,
    output:
        "results/zeroshot/{benchmark}/chunk_{chunk}.h5",
    params:
        recipe=recipe("zeroshot"),
    log:
        "results/logs/zeroshot/{benchmark}/chunk_{chunk}.log",
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} zeroshot --recipe {params.recipe:q} {HOW} --log {log} --space-file {input.space} "
        "--images {input.images} --chunk {wildcards.chunk} --out {output}"


rule join_scores:
    input:
        score_chunks_of,
    output:
        "results/zeroshot/{benchmark}.h5",
    params:
        recipe=recipe("zeroshot_collect"),
    log:
        "results/logs/zeroshot/{benchmark}.log",
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} zeroshot_collect --recipe {params.recipe:q} --log {log} --chunks {input} --out {output}"
