# Performance predictors: one job trains all replicates of a predictor at one training size.


rule train_predictor:
    input:
        unpack(predictor_inputs),
    output:
        "results/predictors/{benchmark}/{predictor}/n{n_train}.h5",
    params:
        recipe=recipe("predictors"),
        latents=latents_option,
    log:
        "results/logs/predictors/{benchmark}/{predictor}/n{n_train}.log",
    resources:
        mem_mb=4000,
        runtime=120,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} predictors --recipe {params.recipe:q} {HOW} --log {log} --benchmark-table {input.table} "
        "--predictor {wildcards.predictor} --n-train {wildcards.n_train} {params.latents} --out {output}"


rule predictors_table:
    input:
        all_predictions,
    output:
        "results/tables/predictors.csv",
    params:
        recipe=recipe("predictors_table"),
    log:
        "results/logs/tables/predictors.log",
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        ENVIRONMENT
    shell:
        "{RUN} predictors_table --recipe {params.recipe:q} --log {log} --predictions {input} --out {output}"
