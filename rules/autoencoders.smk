# Graph autoencoders: arch2vec, and info-NAS on top of what trained networks output.


rule train_autoencoder:
    input:
        unpack(autoencoder_inputs),
    output:
        "results/autoencoders/{benchmark}/{autoencoder}/seed_{autoencoder_seed}.h5",
    log:
        "results/logs/autoencoders/{benchmark}/{autoencoder}/seed_{autoencoder_seed}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("autoencoders"),
        runtime=minutes("autoencoders"),
        gpu=gpus("autoencoders"),
    params:
        recipe=recipe("autoencoders"),
        work="results/autoencoders/{benchmark}/partial/{autoencoder}/seed_{autoencoder_seed}",
        files=autoencoder_option,
    shell:
        "python -m pipeline autoencoders --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} --autoencoder {wildcards.autoencoder:q} "
        "--autoencoder-seed {wildcards.autoencoder_seed:q} --benchmark-table {input.table:q} {params.files:q} "
        "--work {params.work:q} --out {output:q}"


rule embed_cells:
    input:
        unpack(embedding_inputs),
    output:
        "results/embeddings/{benchmark}/{autoencoder}/seed_{autoencoder_seed}.h5",
    log:
        "results/logs/embeddings/{benchmark}/{autoencoder}/seed_{autoencoder_seed}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("embeddings"),
        runtime=minutes("embeddings"),
        gpu=gpus("embeddings"),
    params:
        recipe=recipe("embeddings"),
        files=autoencoder_option,
    shell:
        "python -m pipeline embeddings --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} --autoencoder {wildcards.autoencoder:q} "
        "--autoencoder-seed {wildcards.autoencoder_seed:q} --benchmark-table {input.table:q} {params.files:q} --out {output:q}"


rule autoencoders_table:
    input:
        all_autoencoders,
    output:
        report("results/tables/autoencoders.csv", caption="captions/autoencoders.rst", category="Tables"),
    log:
        "results/logs/tables/autoencoders.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("autoencoders_table"),
        runtime=minutes("autoencoders_table"),
    params:
        recipe=recipe("autoencoders_table"),
    shell:
        "python -m pipeline autoencoders_table --recipe {params.recipe:q} --log {log:q} --autoencoders {input:q} --out {output:q}"
