# What papers print beside what this run measured.


rule paper_table:
    input:
        predictors=TABLES,
        search=SEARCH_TABLES,
        generated=GENERATED_TABLES,
    output:
        report("results/tables/papers/{paper}.csv", caption="captions/paper.rst", category="Papers"),
    log:
        "results/logs/papers/{paper}.log",
    wildcard_constraints:
        paper=one_of(CONFIG.papers),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("papers"),
        runtime=minutes("papers"),
    params:
        recipe=recipe("papers"),
        tables=paper_options,
    shell:
        "python -m pipeline papers --recipe {params.recipe:q} --log {log:q} --paper {wildcards.paper:q} {params.tables:q} --out {output:q}"
