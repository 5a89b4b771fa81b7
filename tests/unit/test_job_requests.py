"""What jobs ask a cluster for: it follows the work."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.config.model import check
from pipeline.job_requests import MOST_MINUTES, START, request

ROOT = Path(__file__).resolve().parents[2]


def settings(file: str = "config.yaml", **changes):
    return check(yaml.safe_load((ROOT / file).read_text()) | changes, file)


def changed(path: str, value):
    """The default configuration with one key changed."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    *above, key = path.split(".")
    section = raw
    for name in above:
        section = section.setdefault(name, {})
    section[key] = value
    return check(raw, "config.yaml")


@pytest.mark.parametrize(
    ("stage", "path", "value"),
    [
        ("children", "benchmarks.digits101.children.chunk_size", 150),
        ("children", "benchmarks.digits101.children.training.epochs", 80),
        ("children", "benchmarks.digits101.children.network.stem_channels", 32),
        ("zeroshot", "zeroshot.chunk_size", 1500),
        ("predictors", "evaluation.n_seeds", 20),
        ("predictors", "evaluation.n_subsets", 20),
        ("search", "search.n_runs", 30),
        ("io_dataset", "io_dataset.n_unseen_images", 60_000),
        ("autoencoders", "autoencoders.infonas.epochs", 60),
    ],
)
def test_more_work_asks_for_more_time(stage, path, value):
    assert request(stage, changed(path, value)).minutes > request(stage, settings()).minutes


def test_wider_networks_ask_for_more_memory_and_so_do_networks_side_by_side():
    children = "benchmarks.digits101.children"
    for more in (changed(f"{children}.network.stem_channels", 256), changed(f"{children}.side_by_side", 64)):
        assert request("children", more).mem_mb > request("children", settings()).mem_mb


def test_a_predictor_asks_for_what_its_training_cells_need():
    config = settings("configs/papers/gates.yaml")
    few, many = (
        request("predictors", config, {"benchmark": "nasbench201", "n_train": n}) for n in ("39", "7813")
    )
    assert few.minutes < many.minutes <= request("predictors", config).minutes


def test_an_autoencoder_and_a_strategy_are_expected_to_take_their_own_time():
    config = changed("autoencoders.infonas.epochs", 600)
    seconds = {
        name: request("autoencoders", config, {"autoencoder": name}).seconds for name in config.autoencoders
    }
    assert seconds["arch2vec"] < seconds["infonas"] == request("autoencoders", config).seconds
    where = {"benchmark": "digits101"}
    drawn, evolved = (
        request("search", config, where | {"strategy": s}) for s in ("random", "predictor_evolution")
    )
    assert drawn.seconds < evolved.seconds / 4 and evolved.seconds == request("search", config, where).seconds


@pytest.mark.parametrize("stage", ["space", "images", "benchmarks", "predictors_table", "report_index"])
def test_short_jobs_ask_for_little(stage):
    asked = request(stage, settings())
    assert asked.minutes == START and asked.mem_mb <= 3000 and asked.gpus == 0


def test_a_gpu_is_asked_for_with_cuda_and_by_what_computes_on_it():
    cuda = settings(device="cuda")
    assert [request(stage, cuda).gpus for stage in ("children", "zeroshot", "predictors")] == [1, 1, 1]
    assert [request(stage, cuda).gpus for stage in ("space", "ingest", "report")] == [0, 0, 0]
    assert request("children", settings(device="auto")).gpus == 0


# no configurations by themselves
OVER_ANOTHER = {"nasbench201_cifar100", "ssa_nasbench201_cifar100", "latent_search"}
WHOLE = [file for file in sorted((ROOT / "configs").glob("*.yaml")) if file.stem not in OVER_ANOTHER]


@pytest.mark.parametrize("file", WHOLE, ids=lambda file: file.stem)
def test_every_configuration_asks_for_what_a_cluster_has(file):
    config = settings(str(file.relative_to(ROOT)), device="cuda")
    for stage in ("children", "io_dataset", "autoencoders", "zeroshot", "predictors", "search"):
        asked = request(stage, config)
        assert START <= asked.minutes <= MOST_MINUTES and 2000 <= asked.mem_mb <= 64_000, stage


def test_every_rule_asks_by_its_work_and_whatever_computes_on_a_device_can_have_a_gpu():
    for rules in (ROOT / "rules").glob("*.smk"):
        text = rules.read_text()
        for line in map(str.strip, text.splitlines()):
            if line.startswith(("mem_mb=", "runtime=")):
                assert line.split("=")[1].startswith(("megabytes(", "minutes(")), f"{rules.name}: {line}"
        assert text.count("device=CONFIG.device") == text.count("gpu=gpus("), rules.name
