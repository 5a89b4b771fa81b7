# Graph autoencoders: arch2vec, and info-NAS on top of what trained networks output.


rule train_autoencoder:
    input:
        unpack(autoencoder_inputs),
    output:
        "results/autoencoders/{benchmark}/{autoencoder}.h5",
    log:
        "results/logs/autoencoders/{benchmark}/{autoencoder}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=6000,
        runtime=240,
    params:
        recipe=recipe("autoencoders"),
        work="results/autoencoders/{benchmark}/partial/{autoencoder}",
        outputs=lambda wildcards, input: (
            f"--io-dataset {input.io} --images {input.images}" if "io" in input.keys() else ""
        ),
    shell:
        "python -m pipeline autoencoders --recipe {params.recipe:q} --device {resources.device} --threads {threads} --log {log} --autoencoder {wildcards.autoencoder} "
        "--space-file {input.space} --benchmark-table {input.table} {params.outputs} "
        "--work {params.work} --out {output}"
