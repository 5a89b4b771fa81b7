# The page that shows a person what came out.


rule write_report:
    input:
        images=expand("results/images/{images}.h5", images=CONFIG.images),
        children=all_chunks,
        table=each_benchmark("results/benchmarks/{benchmark}.h5"),
        io_dataset=each_benchmark("results/io_dataset/{benchmark}.h5"),
        autoencoders=each_benchmark(
            "results/autoencoders/{benchmark}/{autoencoder}.h5",
            autoencoder=CONFIG.autoencoders,
        ),
        zeroshot=each_benchmark("results/zeroshot/{benchmark}.h5"),
        predictions=all_predictions,
        search=all_searches,
        tables=["results/tables/predictors.csv", "results/tables/search.csv"],
    output:
        "results/report/index.html",
    log:
        "results/logs/report.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=3000,
        runtime=10,
    params:
        recipe=recipe("report"),
        autoencoders=lambda wildcards, input: named(CONFIG.autoencoders, input.autoencoders),
        search=lambda wildcards, input: named(CONFIG.strategies, input.search),
    shell:
        "python -m pipeline report --recipe {params.recipe:q} --log {log} --images {input.images} --children {input.children} "
        "--benchmark-table {input.table} --io-dataset {input.io_dataset} --autoencoders {params.autoencoders} "
        "--zeroshot {input.zeroshot} --predictions {input.predictions} --search {params.search} "
        "--tables {input.tables} --out {output}"
