# Performance predictors: one job trains all replicates of a predictor at one training size.


rule train_predictor:
    input:
        unpack(predictor_inputs),
    output:
        "results/predictors/{benchmark}/{predictor}/n{n_train}.h5",
    log:
        "results/logs/predictors/{benchmark}/{predictor}/n{n_train}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("predictors"),
        runtime=minutes("predictors"),
        gpu=gpus("predictors"),
    params:
        recipe=recipe("predictors"),
        latents=latents_option,
        zeroshot=zeroshot_option,
    shell:
        "python -m pipeline predictors --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} --benchmark-table {input.table:q} "
        "--predictor {wildcards.predictor:q} --n-train {wildcards.n_train:q} {params.latents:q} {params.zeroshot:q} --out {output:q}"


rule rank_space:  # on demand: part of no target
    input:
        unpack(ranking_inputs),
    output:
        "results/rankings/{benchmark}/{predictor}/n{n_train}.csv",
    log:
        "results/logs/rankings/{benchmark}/{predictor}/n{n_train}.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.threads
    resources:
        device=CONFIG.device,
        mem_mb=megabytes("rank"),
        runtime=minutes("rank"),
        gpu=gpus("rank"),
    params:
        recipe=recipe("rank"),
        latents=latents_option,
        zeroshot=zeroshot_option,
    shell:
        "python -m pipeline rank --recipe {params.recipe:q} --device {resources.device:q} --threads {threads:q} --log {log:q} --benchmark-table {input.table:q} "
        "--space-file {input.space:q} --predictor {wildcards.predictor:q} --n-train {wildcards.n_train:q} {params.latents:q} {params.zeroshot:q} --out {output:q}"


rule predictors_table:
    input:
        all_predictions,
    output:
        table=report("results/tables/predictors.csv", caption="captions/predictors.rst", category="Tables"),
        costs="results/tables/predictors_cost.csv",
    log:
        "results/logs/tables/predictors.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("predictors_table"),
        runtime=minutes("predictors_table"),
    params:
        recipe=recipe("predictors_table"),
    shell:
        "python -m pipeline predictors_table --recipe {params.recipe:q} --log {log:q} --predictions {input:q} --costs {output.costs:q} --out {output.table:q}"
