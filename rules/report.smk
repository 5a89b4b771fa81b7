# The page that shows a person what came out; with several benchmarks a page each, and an overview.


rule write_report:
    input:
        unpack(page_inputs),
    output:
        "results/report/index.html" if ONLY else "results/report/{benchmark}.html",
    log:
        "results/logs/report.log" if ONLY else "results/logs/report/{benchmark}.log",
    wildcard_constraints:
        benchmark=one_of(CONFIG.benchmarks),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("report"),
        runtime=minutes("report"),
    params:
        recipe=recipe("report"),
        files=page_options,
    shell:
        "python -m pipeline report --recipe {params.recipe:q} --log {log} {params.files} --out {output}"


if not ONLY:

    rule write_report_index:
        input:
            benchmarks=each_benchmark("results/benchmarks/{benchmark}.h5"),
            predictors=TABLES,
            search=all_searches,
            pages=each_benchmark("results/report/{benchmark}.html"),
        output:
            "results/report/index.html",
        log:
            "results/logs/report.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=megabytes("report_index"),
            runtime=minutes("report_index"),
        params:
            recipe=recipe("report_index"),
            predictors=lambda wildcards, input: f"--predictors-table {input.predictors}" if TABLES else "",
            searches=lambda wildcards, input: f"--searches {input.search}" if SEARCH_TABLES else "",
        shell:
            "python -m pipeline report_index --recipe {params.recipe:q} --log {log} --benchmark-tables {input.benchmarks} "
            "{params.predictors} {params.searches} --pages {input.pages} --out {output}"
