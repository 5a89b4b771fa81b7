"""What people call the workflow's rules and jobs, in the order of the stages."""

from __future__ import annotations

from collections.abc import Mapping

STAGES = {  # rule -> (what it is called, command whose estimates hold for it)
    "enumerate_space": ("space", "space"),
    "read_images": ("images", "images"),
    "train_children": ("child networks", "children"),
    "read_benchmark": ("benchmark file", "ingest"),
    "build_benchmark": ("benchmark table", "benchmarks"),
    "train_surrogate": ("surrogate", "surrogate"),
    "extract_outputs": ("I/O data set", "io_dataset"),
    "train_autoencoder": ("autoencoders", "autoencoders"),
    "embed_cells": ("embeddings", "embeddings"),
    "autoencoders_table": ("autoencoders' table", "autoencoders_table"),
    "score_cells": ("zero-shot scores", "zeroshot"),
    "join_scores": ("joined scores", "zeroshot_collect"),
    "train_predictor": ("predictors", "predictors"),
    "rank_space": ("rankings", "rank"),
    "predictors_table": ("predictors' table", "predictors_table"),
    "run_strategy": ("search", "search"),
    "search_table": ("search table", "search_table"),
    "generate_cells": ("generated cells", "semigan"),
    "paper_table": ("papers", "papers"),
    "write_figures": ("figures", "figures"),
    "write_report": ("report", "report"),
    "write_report_index": ("overview", "report_index"),
}
TARGETS = {  # rules that only name artifacts
    *("images", "children", "io_dataset", "benchmarks", "autoencoders", "embeddings"),
    *("zeroshot", "predictors", "search", "papers", "generated", "report"),
}


def title(rule: str) -> str:
    """Return what people call a rule's stage."""
    return STAGES.get(rule, (rule.replace("_", " "), ""))[0]


def order(rule: str) -> int:
    """Return a rule's place among the stages; rules of others come last."""
    names = list(STAGES)
    return names.index(rule) if rule in STAGES else len(names)


def job_name(rule: str, wildcards: Mapping) -> str:
    """Return what people call a job: "predictors gates n120 (digits101)"."""
    left = dict(wildcards)
    benchmark, words = left.pop("benchmark", None), []
    for key, value in left.items():
        short = {"n_train": "n", "chunk": "chunk ", "autoencoder_seed": "run "}.get(key, "")
        words.append(f"{short}{value}")
    return " ".join([title(rule), *words, *([f"({benchmark})"] if benchmark else [])])
