"""Numbers and names as people read them: percent, thousands, minutes, method names."""

from __future__ import annotations

import math

import pandas as pd

PROPER = {
    "arch2vec": "arch2vec",
    "bayesian": "Bayesian optimisation",
    "cifar10": "CIFAR-10",
    "cifar10-valid": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "bce": "BCE",
    "darts": "DARTS",
    "e2epp": "E2EPP",
    "gates": "GATES",
    "ees": "EES",
    "ets": "ETS",
    "gates_plus": "GATES++",
    "gates_pp": "GATES++",
    "gcn": "GCN",
    "gcn_global": "GCN with a global node",
    "imagenet16_120": "ImageNet16-120",
    "info_nas": "info-NAS",
    "infonas": "info-NAS",
    "l1": "L1",
    "line_gcn": "line-graph GCN",
    "listmle": "ListMLE",
    "lstm": "LSTM",
    "mlp": "MLP",
    "mse": "MSE",
    "nasbench101": "NAS-Bench-101",
    **{f"nasbench1shot1_{k}": f"NAS-Bench-1Shot1 ({k})" for k in (1, 2, 3)},
    "nasbench101_flops": "NAS-Bench-101 (by FLOPs)",
    "nasbench101_params": "NAS-Bench-101 (by parameters)",
    "nasbench101_skip": "NAS-Bench-101 (skip and conv 3×3)",
    "nasbench201": "NAS-Bench-201",
    "nasbench301": "NAS-Bench-301",
    "peephole": "Peephole",
    "preference_gp": "preference GP",
    "random": "random search",
    "reinforce": "REINFORCE",
    "renas": "ReNAS",
    **{f"renas_v{k}": f"ReNAS v{k}" for k in (1, 2, 3, 4)},
    "renas_hinge": "ReNAS (hinge)",
    "semigan": "SemiGAN",
    "semigan_nad": "SemiGAN-NAD",
    "semigan_nad_equations": "SemiGAN-NAD (equations alone)",
    "ssa": "SSA",
    "svr": "SVR",
    "xgboost": "XGBoost",
}
STAGES = {
    "space": "search space",
    "images": "images",
    "children": "child networks",
    "benchmarks": "benchmark table",
    "ingest": "benchmark table",
    "surrogate": "surrogate",
    "io_dataset": "I/O data set",
    "autoencoders": "autoencoders",
    "zeroshot": "zero-shot metrics",
    "zeroshot_collect": "zero-shot table",
    "predictors": "predictors",
    "autoencoders_table": "autoencoder table",
    "predictors_table": "predictor table",
    "search": "search",
    "search_table": "search table",
    "papers": "papers’ numbers",
    "report": "report",
    "figures": "figures",
    "report_index": "overview",
}
ACCURACIES = {"val_acc": "validation accuracy", "test_acc": "test accuracy"}
SCORES = {  # zero-shot metrics that are not written as their key
    "epe_nas": "EPE-NAS",
    "flops": "FLOPs",
    "jacob_cov": "jacob cov",
    "l2_norm": "L2 norm",
    "nwot": "NWOT",
    "params": "parameters",
    "relu_logdet": "ReLU logdet",
    "zen": "Zen",
}
MINUS, POINT = "\u2212", "\u202f"  # a true minus sign; a narrow space before units and in thousands


def name(key: str) -> str:
    """Return a method's name for people: `random_forest_info_nas` -> `random forest on info-NAS`."""
    if key in PROPER:
        return PROPER[key]
    if key.endswith("@reference"):
        return f"arch2vec beside {name(key.removesuffix('@reference'))}"
    if key.startswith("infonas_"):
        return f"info-NAS {name(key.removeprefix('infonas_'))}"
    for latents in ("arch2vec", "info_nas", "infonas"):
        if key.endswith(f"_{latents}"):
            return f"{name(key.removesuffix(f'_{latents}'))} on {PROPER[latents]}"
    for family in ("gates", "gcn", "renas", "ssa"):
        if key.startswith(f"{family}_"):
            return f"{PROPER[family]} {name(key.removeprefix(f'{family}_'))}"
    for scheme in ("ees", "ets"):
        if key.startswith(f"{scheme}_"):
            return f"{PROPER[scheme]} {metric(key.removeprefix(f'{scheme}_'))}"
    return " ".join(key.split("_"))


def metric(key: str) -> str:
    """Return a zero-shot metric's name for people: `grad_norm` -> `grad norm`, `flops` -> `FLOPs`."""
    return SCORES.get(key, key.replace("_", " "))


def missing(value) -> bool:
    """Whether there is no number to show."""
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or bool(pd.isna(value))


def number(value, digits: int = 0) -> str:
    """Return a number with `digits` decimals, thousands apart and a true minus sign; a dash if missing."""
    if missing(value):
        return "–"
    text = f"{value:,.{digits}f}".replace(",", POINT)
    return text.replace("-", MINUS) if any(c in "123456789" for c in text) else text.replace("-", "")


def large(n: int) -> str:
    """Return a whole number; beyond a thousand million only its size, e.g. `about 1.1 × 10¹⁸`."""
    if n < 1e9:
        return number(n)
    power = int(math.floor(math.log10(n)))
    return f"about {n / 10**power:.1f} × 10{str(power).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def percent(value, digits: int = 1) -> str:
    """Return a fraction as percent, e.g. 0.9812 -> `98.1 %`."""
    return "–" if missing(value) else f"{number(100 * value, digits)}{POINT}%"


def points(value, digits: int = 1, sign: bool = True) -> str:
    """Return a difference of fractions in percentage points, signed, without the unit."""
    if missing(value):
        return "–"
    text = number(100 * value, digits)
    return f"+{text}" if sign and 100 * value >= 0.5 * 10**-digits else text


def spread(mean, deviation, digits: int) -> str:
    """Return `mean ± deviation`; the mean alone where there is one run only, a dash without a mean."""
    if missing(mean) or missing(deviation):
        return number(mean, digits)
    return f"{number(mean, digits)} ± {number(deviation, digits)}"


def spread_percent(mean, deviation, digits: int) -> str:
    """Return `mean ± deviation %` of fractions; see `spread`."""
    if missing(mean):
        return "–"
    return f"{spread(100 * mean, None if missing(deviation) else 100 * deviation, digits)}{POINT}%"


def sentence(text: str) -> str:
    """Return a text with a capital first letter, unless the first word is a name written small."""
    return text if text.startswith(("arch2vec", "info-NAS")) else text[:1].upper() + text[1:]


def duration(seconds) -> str:
    """Return a time in the unit that suits it: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`."""
    if missing(seconds):
        return "not recorded"
    if seconds < 9.95:
        return f"{seconds:.1f}{POINT}s"
    whole = int(round(seconds))
    if whole < 60:
        return f"{whole}{POINT}s"
    if whole < 3600:
        return f"{whole // 60}{POINT}min {whole % 60:02d}{POINT}s"
    if whole < 100 * 3600:
        return f"{whole // 3600}{POINT}h {whole % 3600 // 60:02d}{POINT}min"
    return f"{number(whole / 3600)}{POINT}h"


def hours(seconds) -> str:
    """Return a long time in hours: `63 h`, `2.4 h`; as `duration` below one hour."""
    if missing(seconds) or seconds < 3600:
        return duration(seconds)
    return f"{number(seconds / 3600, 0 if seconds >= 36000 else 1)}{POINT}h"


def size(n_bytes) -> str:
    """Return a file's size in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            return f"{number(n_bytes, 0 if unit == 'B' or n_bytes >= 100 else 1)}{POINT}{unit}"
        n_bytes /= 1000


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Return `1 run`, `5 runs`."""
    return f"{number(n)} {noun if n == 1 else plural or noun + 's'}"


def listed(items) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
