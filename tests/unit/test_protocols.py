"""Protocols: which cells predictors learn from and are tested on, and with which seeds."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.config.model import check
from pipeline.errors import ConfigError, UserError
from pipeline.evaluation.protocols import chosen_rows, training_runs
from pipeline.evaluation.settings import PROTOCOLS, Protocol, protocol_of
from pipeline.staleness.recipes import recipe

ROOT = Path(__file__).resolve().parents[2]
ROLE = np.array(["labelled", "held_out", "labelled", "unused", "held_out", "labelled"])


@pytest.mark.parametrize(
    ("protocol", "pool", "test"),
    [
        ({}, [0, 2, 5], [1, 4]),
        ({"test": "rest"}, [0, 2, 5], [1, 3, 4]),
        ({"test": "all"}, [0, 2, 5], [0, 1, 2, 3, 4, 5]),
        ({"pool": 1}, [0], [1, 4]),
        ({"pool": 4, "test": "rest"}, [0, 1, 2, 3], [4, 5]),
        ({"pool": "all", "test": "all"}, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
        ({"pool": 6, "test": "all"}, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_rows_by_role_and_by_index(protocol, pool, test):
    rows = chosen_rows(ROLE, Protocol(**protocol), "mine")
    assert [part.tolist() for part in rows] == [pool, test]


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ({"pool": 7, "test": "all"}, "pool: 7 cells, but the table of mine has 6"),
        ({"pool": 6, "test": "rest"}, "pool: 6 cells, but the table of mine has 6"),
        ({"pool": 2}, "1 held-out cells of mine are in the pool; set test: rest"),
        ({"pool": "all"}, "2 held-out cells of mine are in the pool"),
    ],
)
def test_what_does_not_fit_the_table_is_refused(protocol, message):
    with pytest.raises(UserError, match=message) as error:
        chosen_rows(ROLE, Protocol(**protocol), "mine")
    assert "\n" not in str(error.value)


def test_named_seeds_are_used_on_every_subset():
    subsets, numbers, seeds = training_runs(100, 10, 3, 7, 0, "mine", [21, 2021, 202121])
    assert seeds == [21, 2021, 202121] * 3 and numbers.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert (subsets[0] == subsets[2]).all() and (subsets[2] != subsets[3]).any()
    drawn = training_runs(100, 10, 3, 3, 0, "mine")
    assert (drawn[0] == subsets).all() and len(set(drawn[2])) == 3  # the same cells with seeds of our own


def test_named_protocols_are_those_of_the_papers():
    first = protocol_of(Protocol(name="P1"), "nasbench201")
    assert (first.pool, first.test, first.seeds) == (7813, "rest", [21, 2021, 202121])
    assert protocol_of(Protocol(name="P2"), "nasbench101").pool == 381_262
    assert protocol_of(Protocol(name="P3"), "nasbench201") == Protocol(pool="all", test="all")
    with pytest.raises(ConfigError, match="P2 is for nasbench101, not for darts; write out pool"):
        protocol_of(Protocol(name="P2"), "darts")
    assert set(PROTOCOLS) == {"P1", "P2", "P3"}


def changed(**evaluation) -> dict:
    raw = yaml.safe_load((ROOT / "configs" / "nasbench201.yaml").read_text())
    raw = copy.deepcopy(raw)
    raw["evaluation"] |= evaluation
    return raw


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"protocol": "P2"}, "evaluation.protocol: P2 is for nasbench101, not for nasbench201"),
        (
            {"protocol": "P4"},
            "evaluation.protocol: expected one of P1, P2, P3 or a mapping of pool, test, seeds",
        ),
        ({"protocol": {"pool": "some"}}, "evaluation.protocol.pool: "),
        ({"protocol": {"tets": "all"}}, "evaluation.protocol.tets: unknown key"),
        ({"protocol": {"seeds": []}}, "evaluation.protocol.seeds: "),
        (
            {"protocol": {"pool": 100, "test": "rest"}},
            "391 training cells, but only evaluation.protocol.pool = 100",
        ),
        (
            {"protocol": "P1", "n_train": [7814]},
            "7814 training cells, but only evaluation.protocol.pool = 7813",
        ),
    ],
)
def test_mistakes_are_one_line(evaluation, message):
    with pytest.raises(ConfigError) as error:
        check(changed(**evaluation))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_protocol_by_name_is_a_recipe_of_its_rows(tmp_path, monkeypatch):
    named, written = (
        recipe(
            "predictors", check(changed(protocol=p)), benchmark="nasbench201", predictor="gates", n_train="78"
        )
        for p in ("P1", {"pool": 7813, "test": "rest", "seeds": [21, 2021, 202121]})
    )
    assert named == written
    assert named["settings"]["evaluation"]["protocol"]["pool"] == 7813
    config = check(changed(protocol="P1"))
    assert check(config.model_dump(mode="json")) == config
