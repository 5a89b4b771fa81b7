# The page that shows a person what came out; with several benchmarks a page each, and an overview.


rule write_report:
    input:
        unpack(page_inputs),
    output:
        report(
            "results/report/index.html" if ONLY else "results/report/{benchmark}.html",
            caption="captions/page.rst",
            category="Report",
        ),
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
        "python -m pipeline report --recipe {params.recipe:q} --log {log:q} {params.files:q} --out {output:q}"


rule write_figures:
    input:
        unpack(page_inputs),
    output:
        report("results/figures/{benchmark}/figures.csv", caption="captions/figures.rst", category="Figures"),
    log:
        "results/logs/figures/{benchmark}.log",
    wildcard_constraints:
        benchmark=one_of(CONFIG.benchmarks),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("figures"),
        runtime=minutes("figures"),
    params:
        recipe=recipe("figures"),
        files=page_options,
    shell:
        "python -m pipeline figures --recipe {params.recipe:q} --log {log:q} {params.files:q} --out {output:q}"


if not ONLY:

    rule write_report_index:
        input:
            benchmarks=each_benchmark("results/benchmarks/{benchmark}.h5"),
            predictors=TABLES,
            search=all_searches,
            pages=each_benchmark("results/report/{benchmark}.html"),
        output:
            report("results/report/index.html", caption="captions/overview.rst", category="Report"),
        log:
            "results/logs/report.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=megabytes("report_index"),
            runtime=minutes("report_index"),
        params:
            recipe=recipe("report_index"),
            predictors=lambda wildcards, input: tables_option("--predictors-table", input.predictors),
            searches=lambda wildcards, input: tables_option("--searches", input.search),
        shell:
            "python -m pipeline report_index --recipe {params.recipe:q} --log {log:q} --benchmark-tables {input.benchmarks:q} "
            "{params.predictors:q} {params.searches:q} --pages {input.pages:q} --out {output:q}"
