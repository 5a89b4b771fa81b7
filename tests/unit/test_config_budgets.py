"""A search that cannot be done is refused before any job starts: budgets, and what a strategy lacks."""

from __future__ import annotations

import copy

import pytest

from pipeline.config.model import check, merge
from pipeline.errors import ConfigError

FILE = {"reader": "csv", "file": "some.csv", "columns": {"cell": "cell"}, "metrics": {"a/val_acc@1": "val"}}
TABLE = {"source": "files", "files": [FILE], "val_metric": "a/val_acc@1"}
BASE = {
    "images": {"digits": {"source": "digits"}},
    "benchmarks": {
        "table": {"space": "nasbench201", **TABLE},
        "trained": {"space": "nasbench1shot1_1", "children": {"images": "digits"}},
        "predicted": {"space": "darts", "surrogate": {}, **TABLE},
    },
    "search": {"budget": 60, "n_initial": 30},
    "strategies": {"random": {"method": "random"}},
}


def configured(**changes):
    raw = copy.deepcopy(BASE)
    merge(raw, changes)
    return check(raw, "c.yaml")


def strategy(method: str, **settings) -> dict:
    return {"strategies": {"some": {"method": method, **settings}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"search": {"budget": 2686, "by_benchmark": {"table": {"budget": 60}}}},
            "search.budget: 2686 is more than the 2685 cells of nasbench1shot1_1, the space of "
            "benchmarks.trained; lower it",
        ),
        (
            {"search": {"by_benchmark": {"table": {"budget": 15_626}}}},
            "search.by_benchmark.table.budget: 15626 is more than the 15625 cells of nasbench201",
        ),
        (
            {"generation": {"n_train": 15_626}, **strategy("semigan_nad", benchmarks=["table"])},
            "generation.n_train: 15626 is more than the 15625 cells of nasbench201",
        ),
        ({"search": {"budget": 29}}, "search: budget: 29 is less than n_initial (30)"),
        (
            {"search": {"n_initial": 121, "budget": 200}},
            "search.n_initial: 121 cells, but only benchmarks.tr",
        ),
        (
            strategy("bayesian", n_candidates=59),
            "strategies.some.n_candidates: 59 is less than search.budget on table, 60; raise n_candidates",
        ),
        (
            {
                "autoencoders": {"arch2vec": {"model": "arch2vec"}},
                **strategy("reinforce", latents="arch2vec", n_drawn=59),
            },
            "strategies.some.n_drawn: 59 is less than search.budget on predicted, 60; raise n_drawn",
        ),
        (strategy("reinforce"), "strategies.some.latents: this key is missing"),
        (strategy("reinforce", latents="arch2vec"), "strategies.some.latents: there is no 'arch2vec'"),
        (strategy("latent_neighbours", latents="no"), "strategies.some.latents: there is no 'no'; expected"),
        (strategy("bayesian", latents="arch2vec"), "strategies.some.latents: there is no 'arch2vec'"),
        (
            strategy("bayesian", zeroshot=["synflow"]),
            "strategies.some.zeroshot: benchmarks.table has no zero",
        ),
        (strategy("bayesian", zeroshot=["flow"]), "strategies.some.zeroshot: there is no 'flow'; expected"),
        (
            strategy("zeroshot_ranking", zeroshot="synflow"),
            "strategies.some.zeroshot: benchmarks.table has no",
        ),
        (strategy("zeroshot_ranking"), "strategies.some.zeroshot: this key is missing"),
        (strategy("predictor_search"), "strategies.some.predictor: this key is missing"),
        (strategy("predictor_search", predictor="gates"), "strategies.some.predictor: there is no 'gates'"),
        (
            strategy("predictor_evolution", predictor="gates"),
            "strategies.some.predictor: there is no 'gates'",
        ),
        (
            {
                "predictors": {
                    "forest": {"method": "random_forest", "latents": "arch2vec", "benchmarks": ["predicted"]}
                },
                "evaluation": {"benchmarks": ["table"]},
                **strategy("predictor_search", predictor="forest", benchmarks=["trained"]),
            },
            "strategies.some.predictor: there is no 'arch2vec'; expected one of (none configured)",
        ),
    ],
)
def test_what_a_search_lacks_is_one_line_with_the_key(changes, message):
    with pytest.raises(ConfigError) as error:
        configured(**changes)
    text = str(error.value)
    assert text.startswith(f"c.yaml: {message}") and "\n" not in text


def test_what_is_enough_is_taken():
    assert configured(search={"by_benchmark": {"table": {"budget": 15_625}}, "budget": 2685})
    assert configured(generation={"n_train": 20_000})  # nothing is generated
    merged = strategy("reinforce", latents="arch2vec", n_drawn=59, benchmarks=["table", "trained"])
    assert configured(autoencoders={"arch2vec": {"model": "arch2vec"}}, **merged)  # all cells are listed
    assert configured(**strategy("bayesian", n_candidates=60))
