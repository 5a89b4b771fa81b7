"""The readers of NAS-Bench-201 and NATS-Bench: what they read, and what they refuse."""

from __future__ import annotations

import copy
import logging
import zipfile

import numpy as np
import pandas as pd
import pytest

from pipeline.benchmarks.readers import nasbench201, nats_bench
from pipeline.benchmarks.readers.nasbench201_trials import DATASETS
from pipeline.benchmarks.source import check
from pipeline.errors import DataError
from pipeline.spaces import nasbench201 as space
from tests.unit.nasbench201_files import SETS, content, write_nats, write_pbz2, write_pth

FORMS = ("zip", "legacy", "nats")
CIFAR = ("full", "all_results", ("cifar10", 888))  # keys down to one trial


@pytest.fixture(scope="module")
def archs() -> list[str]:
    return space.to_official(space.sample(6, np.random.default_rng(1)))


@pytest.fixture(scope="module")
def official(archs) -> dict:
    return content(archs)


def write(tmp_path, what: dict, form: str):
    if form == "nats":
        return write_nats(tmp_path / "NATS-tss-v1_0-3ffb9-simple", what)
    return write_pth(tmp_path / "NAS-Bench-201-v1_1-096897.pth", what, form == "zip")


def read(path, **settings):
    module = nats_bench if path.is_dir() else nasbench201
    source = module.read(path, module.Settings(**settings), "nasbench201")
    check(source, path)
    return source


def refused(path, **settings) -> str:
    with pytest.raises(DataError) as error:
        read(path, **settings)
    assert str(path) in str(error.value)
    return str(error.value)


# --- what is read


@pytest.mark.parametrize("form", FORMS)
def test_every_number_is_where_it_belongs(tmp_path, official, archs, form):
    source = read(write(tmp_path, official, form))
    assert list(source.cells) == archs and space.to_official(source.archs) == archs
    what = {"val_acc": "x-valid", "test_acc": "x-test", "valtest_acc": "ori-test"}
    seen = set()
    for key, epochs in (("less", 12), ("full", 200)):
        for dataset in DATASETS:
            names = {"train_acc": None} | {k: v for k, v in what.items() if v in SETS[dataset]}
            if dataset.startswith("cifar10") and dataset != "cifar100":
                names.pop("valtest_acc")
                names["test_acc"] = "ori-test"
            for name, on in names.items():
                values = source.metrics[f"{dataset}/{name}@{epochs}"]
                seen.add(f"{dataset}/{name}@{epochs}")
                assert values.dtype == np.float32
                for row in range(len(archs)):
                    block = official["arch2infos"][row][key]
                    trials = [
                        block["all_results"][dataset, s] for s in sorted(block["dataset_seed"][dataset])
                    ]
                    curves = [t["eval_acc1es"] if on else t["train_acc1es"] for t in trials]
                    wanted = [c[f"{on}@{epochs - 1}" if on else epochs - 1] / 100 for c in curves]
                    assert values[row, : len(wanted)] == pytest.approx(wanted, abs=1e-7)
                    assert np.isnan(values[row, len(wanted) :]).all()
    assert seen == set(source.metrics)
    assert source.metrics["cifar10/test_acc@200"].shape == (6, 3)
    assert source.metrics["cifar10/test_acc@12"].shape == (6, 1)


@pytest.mark.parametrize("form", FORMS)
def test_costs(tmp_path, official, form):
    source = read(write(tmp_path, official, form))
    assert source.costs["params"].tolist() == [510_000] * 6 and source.costs["params"].dtype == np.int64
    assert source.costs["flops"][:3].tolist() == [100_777_000] * 3
    assert source.costs["latency"] == pytest.approx([0.015] * 6)
    trial = official["arch2infos"][2]["full"]["all_results"]["cifar100", 999]
    assert source.costs["cifar100/train_seconds@200"][2, 2] == pytest.approx(
        sum(trial["train_times"].values())
    )
    assert source.costs["cifar10-valid/train_seconds@12"].shape == (6, 2)
    assert set(source.costs) <= set(source.notes)


def test_all_three_forms_agree(tmp_path, official):
    zipped, legacy, nats = (read(write(tmp_path, official, form)) for form in ("zip", "legacy", "nats"))
    for other in (legacy, nats):
        for name, values in (zipped.metrics | zipped.costs).items():
            assert np.array_equal(values, (other.metrics | other.costs)[name], equal_nan=True)


def test_datasets_and_other_epochs(tmp_path, official):
    path = write(tmp_path, official, "legacy")
    source = read(path, datasets=["cifar10-valid", "cifar10"], epochs=[50])
    assert not any("cifar100" in name or "ImageNet" in name for name in [*source.metrics, *source.costs])
    trial = official["arch2infos"][0]["full"]["all_results"]["cifar10-valid", 888]
    values = source.metrics["cifar10-valid/val_acc_of200@50"]
    assert values[0, 0] == pytest.approx(trial["eval_acc1es"]["x-valid@49"] / 100)
    assert source.metrics["cifar10/train_acc_of200@50"].shape == (6, 3)
    assert "cifar10-valid/val_acc_of12@50" not in source.metrics


def test_a_metric_that_not_all_have_is_left_out_aloud(tmp_path, official, caplog):
    with caplog.at_level(logging.WARNING):
        source = read(write(tmp_path, official, "zip"), epochs=[50])
    assert "cifar10-valid/test_acc_of200@50" not in source.metrics  # older trainings have it at the end only
    assert "cifar10-valid/test_acc_of200@50 is left out" in caplog.text
    assert "arch2infos[1].full.all_results[('cifar10-valid', 777)].eval_acc1es['ori-test@49']" in caplog.text


def test_version_1_0_has_less_only_of_cifar10_valid(tmp_path, official):
    old = copy.deepcopy(official)
    for info in old["arch2infos"].values():
        less = info["less"]
        less["dataset_seed"] = {"cifar10-valid": [777]}
        less["all_results"] = {("cifar10-valid", 777): less["all_results"]["cifar10-valid", 777]}
        for block in info.values():
            for trial in block["all_results"].values():
                trial["train_times"], trial["latency"] = None, None
    source = read(write(tmp_path, old, "legacy"))
    assert [n for n in source.metrics if n.endswith("@12")] == [
        f"cifar10-valid/{what}@12" for what in ("test_acc", "train_acc", "val_acc")
    ]
    assert set(source.costs) == {"params", "flops"}


def test_weights_are_passed_over(tmp_path, official):
    import torch

    heavy = copy.deepcopy(official)
    heavy["arch2infos"][0]["full"]["all_results"]["cifar10", 888]["net_state_dict"] = {
        "stem.weight": torch.ones(16, 3)
    }
    for form in ("zip", "legacy"):
        assert len(read(write(tmp_path, heavy, form)).archs) == 6


@pytest.mark.real_data
def test_real_rows_keep_their_order_and_optima(tmp_path, data_dir):
    table = pd.read_csv(data_dir / "nasbench201_15625.csv.gz")
    best = [int(table[f"cifar{n}_test_acc_200_mean"].idxmax()) for n in ("10", "100")]
    rows = table.iloc[sorted({*best, *range(8)})].reset_index(drop=True)
    what = content(rows.arch_str.tolist())
    for i, row in rows.iterrows():
        for (dataset, _), trial in what["arch2infos"][i]["full"]["all_results"].items():
            if dataset == "cifar10":
                trial["eval_acc1es"]["ori-test@199"] = row.cifar10_test_acc_200_mean
            if dataset == "cifar100":
                trial["eval_acc1es"]["x-test@199"] = row.cifar100_test_acc_200_mean
            if dataset == "cifar10-valid":
                trial["eval_acc1es"]["x-valid@199"] = row.cifar10_val_acc_200
    source = read(write(tmp_path, what, "legacy"))
    assert np.nanmean(source.metrics["cifar10/test_acc@200"], axis=1).max() == pytest.approx(0.9437, abs=5e-5)
    assert np.nanmean(source.metrics["cifar100/test_acc@200"], axis=1).max() == pytest.approx(
        0.7351, abs=5e-5
    )
    assert list(source.cells) == rows.arch_str.tolist()


# --- what is refused


def change(what: dict, index: int, keys, value):
    """Return a copy of the content in which arch2infos[index] has `value` under `keys` (None: not there)."""
    changed = copy.deepcopy(what)
    place = changed["arch2infos"][index]
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return changed


BAD = {  # name -> (keys below arch2infos[3], value, what the message says)
    "string": (("full", "arch_str"), "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "elsewhere"),
    "index": (("full", "arch_index"), 4, "full.arch_index: 4, expected 3"),
    "missing trial": ((*CIFAR,), None, "('cifar10', 888)]: missing trial"),
    "trial of another type": ((*CIFAR,), [1], "expected a dict, found list"),
    "NaN": ((*CIFAR, "eval_acc1es", "ori-test@199"), float("nan"), "['ori-test@199']: nan, expected"),
    "infinite": ((*CIFAR, "train_acc1es", 199), float("inf"), "train_acc1es[199]: inf"),
    "too high": ((*CIFAR, "eval_acc1es", "ori-test@199"), 100.5, "100.5, expected an accuracy"),
    "negative": ((*CIFAR, "eval_acc1es", "ori-test@199"), -1.0, "-1.0, expected an accuracy"),
    "text": ((*CIFAR, "eval_acc1es", "ori-test@199"), "94.3", "str, expected an accuracy"),
    "fraction": ((*CIFAR, "eval_acc1es", "ori-test@199"), 0.943, "fraction"),
    "epochs": ((*CIFAR, "epochs"), 199, "epochs: inconsistent: 199, expected 200"),
    "longer curve": ((*CIFAR, "train_acc1es", 200), 50.0, "inconsistent: more than 200"),
    "times": ((*CIFAR, "train_times"), {0: 1.0}, "expected 200 times"),
    "NaN time": ((*CIFAR, "train_times", 7), float("nan"), "train_times: expected finite"),
    "params": ((*CIFAR, "params"), -1.0, "params: -1.0"),
    "flops": ((*CIFAR, "flop"), "many", "flop: expected int or float, found str"),
    "seeds": (("full", "dataset_seed", "cifar10"), [888, 888], "all different"),
    "seeds of another type": (("full", "dataset_seed", "cifar10"), 777, "expected list, found int"),
    "no data set": (("full", "dataset_seed", "cifar10"), None, "no cifar10"),
    "no block": (("full",), None, "no 'full'"),
    "no results": (("full", "all_results"), None, "no 'all_results'"),
    "block of another type": (("full",), 5, "expected a dict, found int"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_content_is_refused_with_its_place(tmp_path, official, name):
    keys, value, says = BAD[name]
    message = refused(write(tmp_path, change(official, 3, keys, value), "legacy"))
    assert says in message
    assert "arch2infos[3]" in message


def test_bad_content_of_nats_names_the_file(tmp_path, official):
    keys, value, says = BAD["NaN"]
    message = refused(write(tmp_path, change(official, 3, keys, value), "nats"))
    assert "000003.pickle.pbz2['200'].all_results[('cifar10', 888)]" in message and says in message


def test_a_file_of_fractions_is_refused(tmp_path, official):
    changed = copy.deepcopy(official)
    for info in changed["arch2infos"].values():
        for trial in (t for b in info.values() for t in b["all_results"].values()):
            for curve in (trial["train_acc1es"], trial["eval_acc1es"]):
                curve.update({key: value / 100 for key, value in curve.items()})
    assert "look like fractions" in refused(write(tmp_path, changed, "legacy"))


def test_lists_and_results_must_agree(tmp_path, official):
    changed = copy.deepcopy(official)
    del changed["arch2infos"][2]
    for form in FORMS:
        assert "missing (1 of 6" in refused(path := write(tmp_path, changed, form))
        assert list(read(path, allow_partial=True).cells) == [
            a for i, a in enumerate(official["meta_archs"]) if i != 2
        ]
    names = official["meta_archs"]
    for meta, says in (
        ([*names[:5], names[0]], "meta_archs[5]: "),
        ([names[1], names[0], *names[2:]], "arch2infos[0]: arch_str is"),
        (names[:5], "5 architectures only"),
        ([], "expected a list"),
        ({"a": 1}, "expected a list"),
        ([*names[:5], "none"], "arch2infos[5]: arch_str is"),
    ):
        assert says in refused(write(tmp_path, {**official, "meta_archs": meta}, "legacy"))
    wrong = change(change(official, 5, ("full", "arch_str"), "x"), 5, ("less", "arch_str"), "x")
    wrong["meta_archs"] = [*names[:5], "x"]
    assert "is no cell" in refused(write(tmp_path, wrong, "legacy"))
    assert "a key is a str" in refused(
        write(tmp_path, {**official, "arch2infos": {"0": {"a": 1, "b": 2}, "1": 2}}, "zip")
    )
    assert "no file of NAS-Bench-201" in refused(write(tmp_path, {"state_dict": {"a": 1}}, "legacy"))
    assert "no file of NAS-Bench-201" in refused(write(tmp_path, [1, 2], "zip"))


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_truncated_files_are_refused(tmp_path, official, form):
    path = write(tmp_path, official, form)
    data = path.read_bytes()
    for size in (0, 1, 3, 20, 200, 5000, len(data) // 2, len(data) * 9 // 10, len(data) - 300):
        path.write_bytes(data[:size])
        refused(path)


def test_a_flipped_bit_in_a_zip_is_found(tmp_path, official):
    path = write(tmp_path, official, "zip")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "CRC-32" in refused(path)


def test_damaged_folders_are_refused(tmp_path, official):
    path = write(tmp_path, official, "nats")
    file = path / "000004.pickle.pbz2"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    assert "000004.pickle.pbz2: truncated" in refused(path)
    file.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    assert "000004.pickle.pbz2: damaged" in refused(path)
    file.write_bytes(b"")
    assert "truncated" in refused(path)
    file.unlink()
    assert "000004.pickle.pbz2: missing (1 of 6" in refused(path)
    write_pbz2(file, {"200": 1})
    assert "000004.pickle.pbz2['200']: expected a dict" in refused(path)
    write_pbz2(file, {"text": "a" * (5 << 20)})
    assert "more than 4 MiB" in refused(path)
    write_pbz2(path / "meta.pickle.pbz2", [1])
    assert "meta_archs" in refused(path)


def test_other_things_than_files_are_refused(tmp_path):
    assert "no meta.pickle.pbz2" in refused(tmp_path)
    file = tmp_path / "file"
    for head, says in (
        (b"BZh9", "bzip2"),
        (b"<!doctype html>", "web page"),
        (b"abc", "no file of torch.save"),
    ):
        file.write_bytes(head)
        assert says in refused(file)
    with pytest.raises(DataError, match="not a folder"):
        nats_bench.read(file, nats_bench.Settings(), "nasbench201")
    with pytest.raises(DataError, match="cannot be read"):
        nasbench201.read(tmp_path, nasbench201.Settings(), "nasbench201")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("other.txt", "x")
    assert "without one plain data.pkl" in refused(file)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 1000)
    assert "without one plain data.pkl" in refused(file)


@pytest.mark.parametrize("form", FORMS)
def test_mutated_files_are_refused_or_read(tmp_path, form):
    """A few thousand damaged files: a DataError or a table that passes the checks, never anything else."""
    what = content(space.to_official(space.sample(1, np.random.default_rng(2))))
    path = write(tmp_path, what, form)
    target, less = path, {"12": what["arch2infos"][0].pop("less")}
    if form == "nats":
        write_pbz2(target := path / "000000.pickle.pbz2", less)
    else:
        what["arch2infos"][0] = {"less": less["12"]}  # small
        write(tmp_path, what, form)
    data, rng = target.read_bytes(), np.random.default_rng(3)
    outcomes = [0, 0]
    for _ in range(800):
        changed = bytearray(data)
        if rng.random() < 0.2:
            changed = changed[: rng.integers(len(changed))]
        for _ in range(rng.integers(0, 4)):
            if changed:
                changed[rng.integers(len(changed))] = rng.integers(256)
        target.write_bytes(changed)
        try:
            read(path)
            outcomes[0] += 1
        except DataError:
            outcomes[1] += 1
    assert outcomes[1] > 100 and outcomes[0] > 20
