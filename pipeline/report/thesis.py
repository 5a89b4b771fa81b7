"""Numbers of the info-NAS thesis (Suchoparova 2021), and which of them a run's autoencoders repeat.

Tables 4.2 to 4.12: one training each (seed 1), epoch 8, 608 training networks, CIFAR-10. Table 4.14: mean
and standard deviation over ten seeds of the regressor, checkpoint of epoch 30, 250 training cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EPOCH = 8  # that tables 4.2 to 4.12 report
SETS = ("train", "unseen_networks", "unseen_images_valid")
BASELINES = {  # (scale, weighted, multiply, loss) -> loss of predicting the mean of each of SETS
    ("feature", False, False, "l1"): (0.0017, 0.0016, 0.0018),
    ("feature", False, True, "l1"): (0.0855, 234.3804, 0.0877),
    ("feature", True, True, "l1"): (0.7131, 0.6980, 0.7707),
    ("network", False, False, "l1"): (2.0912, 2.0696, 2.2572),
    ("network", False, True, "l1"): (0.7656, 0.7106, 0.7254),
    ("network", True, True, "l1"): (0.6691, 0.6717, 0.7404),
    ("network", False, True, "mse"): (1.0002, 0.8346, 0.9585),
}
LOSSES = ("vae_loss_labelled", "vae_loss", "io_loss", "io_loss_unseen_networks")
LOSSES += ("io_loss_unseen_images_valid",)  # its first tenth of the training networks
ACCURACIES = ("op_accuracy_labelled", "op_accuracy", "adj_accuracy_labelled", "adj_accuracy")
SCALINGS = {  # (scale, weighted, multiply) -> LOSSES; tables 4.2, 4.3, 4.4
    ("feature", False, False): (0.2154, 0.2292, 0.0017, 0.0016, 0.0018),
    ("feature", False, True): (0.2173, 0.2309, 0.0436, 117.4418, 0.0448),
    ("feature", True, True): (0.2139, 0.2266, 0.6474, 0.6637, 0.7331),
    ("network", False, False): (0.2182, 0.2280, 1.8351, 1.9465, 2.1036),
    ("network", False, True): (0.2324, 0.2355, 0.1815, 0.3824, 0.2106),
    ("network", True, True): (0.2167, 0.2285, 0.5520, 0.6012, 0.6463),
}
TRAININGS = {  # (loss, learning rate) -> LOSSES, ACCURACIES; tables 4.6, 4.7, 4.8 and 4.5
    ("l1", 1e-2): (0.2253, 0.2611, 0.7542, 0.7046, 0.7256, 0.9777, 0.9777, 0.9462, 0.9422),
    ("l1", 1e-3): (0.2343, 0.2389, 0.1818, 0.4080, 0.2292, 0.9777, 0.9778, 0.9666, 0.9669),
    ("l1", 1e-4): (0.2283, 0.2293, 0.1771, 0.4165, 0.1369, 0.9777, 0.9779, 0.9882, 0.9848),
    ("mse", 1e-2): (0.2664, 0.2769, 0.2836, 0.3603, 0.3400, 0.9777, 0.9777, 0.9326, 0.9243),
    ("mse", 1e-3): (0.2260, 0.2325, 0.0832, 0.2894, 0.1506, 0.9777, 0.9778, 0.9858, 0.9815),
    ("mse", 1e-4): (0.2229, 0.2258, 0.0804, 0.1964, 0.0764, 0.9777, 0.9779, 0.9932, 0.9877),
}
WEIGHTS = {  # (VAE weight, labelled weight) -> LOSSES, ACCURACIES; tables 4.10, 4.11, 4.12 and 4.9
    (1.0, 0.5): (0.2251, 0.2329, 0.1864, 0.3861, 0.2320, 0.9777, 0.9779, 0.9858, 0.9804),
    (1.0, 1.0): (0.2330, 0.2377, 0.1788, 0.3598, 0.2128, 0.9777, 0.9778, 0.9839, 0.9748),
    (1.0, 3.0): (0.2471, 0.2400, 0.1749, 0.3856, 0.1822, 0.9777, 0.9778, 0.9777, 0.9725),
    (1.0, 50.0): (0.3279, 0.2554, 0.1772, 0.4287, 0.2082, 0.9777, 0.9775, 0.9499, 0.9387),
    (1e-2, 0.5): (0.3262, 0.2512, 0.1796, 0.3817, 0.1775, 0.9777, 0.9777, 0.9703, 0.9595),
    (1e-2, 1.0): (0.3462, 0.2547, 0.1773, 0.3905, 0.1717, 0.9777, 0.9776, 0.9518, 0.9487),
    (1e-2, 3.0): (0.4162, 0.2646, 0.1796, 0.3978, 0.1752, 0.9777, 0.9775, 0.9246, 0.9177),
    (1e-2, 50.0): (0.5191, 0.2786, 0.1861, 0.3746, 0.1678, 0.9777, 0.9766, 0.8806, 0.8645),
    (1e-4, 0.5): (0.3720, 0.2595, 0.1814, 0.4273, 0.1654, 0.9777, 0.9774, 0.9085, 0.8972),
    (1e-4, 1.0): (0.3372, 0.2562, 0.1797, 0.3306, 0.1784, 0.9777, 0.9776, 0.9208, 0.9148),
    (1e-4, 3.0): (0.4011, 0.2638, 0.1808, 0.3361, 0.1701, 0.9777, 0.9767, 0.8596, 0.8530),
    (1e-4, 50.0): (0.3938, 0.2635, 0.1812, 0.3426, 0.1632, 0.9777, 0.9772, 0.9239, 0.9069),
}
# Table 4.1, and table 3.3 for the networks: what a run must not differ in to repeat the thesis exactly
DEFAULTS = {
    "epochs": 30,
    "batch_size": 32,
    "labelled_batch_size": 32,
    "labelled_batch_images": 0,
    "schedule": "constant",
    "image_width": 128,
}
REGRESSORS = {  # (method, model) -> (RMSE, its deviation, Pearson's r, its deviation); table 4.14
    ("gradient_boosting", "infonas"): (0.03, 0.01, 0.55, 0.06),
    ("gradient_boosting", "arch2vec"): (0.03, 0.01, 0.52, 0.05),
    ("gaussian_process", "infonas"): (0.06, 0.02, 0.29, 0.09),
    ("gaussian_process", "arch2vec"): (0.06, 0.02, 0.29, 0.09),
    ("random_forest", "infonas"): (0.02, 0.01, 0.61, 0.05),
    ("random_forest", "arch2vec"): (0.02, 0.00, 0.58, 0.05),
    ("svr", "infonas"): (0.06, 0.01, 0.36, 0.13),
    ("svr", "arch2vec"): (0.05, 0.01, 0.40, 0.05),
}
REGRESSOR_CELLS = 250
FOREST = {"infonas": 0.7323, "arch2vec": 0.7010}  # Pearson's r of the later paper's random forest
FOREST_CELLS = 10_000
RECONSTRUCTION = {  # of the authors' later paper (three seeds): measure -> mean, deviation where it is known
    "arch2vec": {
        "op_accuracy": (0.978, None),
        "adj_accuracy": (0.986, None),
        "validity": (0.467, 0.028),
        "uniqueness": (0.994, None),
    },
    "infonas": {
        "op_accuracy": (0.978, None),
        "adj_accuracy": (0.985, None),
        "validity": (0.474, 0.010),
        "uniqueness": (0.993, None),
    },
}


@dataclass(frozen=True)
class Published:
    """What the thesis says of one setting: measure -> values, several where it trained the setting again.

    baselines: set -> loss of predicting that set's mean.
    """

    values: Mapping[str, list[float]]
    tables: Mapping[str, list[str]]
    baselines: Mapping[str, float]


def published(settings: Mapping) -> Published | None:
    """Return the thesis' numbers for an info-NAS of these settings (as in its artifact), or None."""
    key = _key(settings)
    if key is None:
        return None
    scaling, training, weights = key
    rows = []
    if training == ("l1", 1e-3) and weights == (1.0, 1.0) and scaling in SCALINGS:
        rows.append((SCALINGS[scaling], ("4.2", "4.2", "4.2", "4.3", "4.4")))
    if scaling == ("network", False, True):
        if weights == (1.0, 1.0) and training in TRAININGS:
            rows.append((TRAININGS[training], ("4.6", "4.6", "4.6", "4.7", "4.8", *["4.5"] * 4)))
        if training == ("l1", 1e-3) and weights in WEIGHTS:
            rows.append((WEIGHTS[weights], ("4.10", "4.10", "4.10", "4.11", "4.12", *["4.9"] * 4)))
    if not rows:
        return None
    values, tables = {}, {}
    for numbers, sources in rows:
        for measure, number, table in zip((*LOSSES, *ACCURACIES), numbers, sources, strict=False):
            values.setdefault(measure, []).append(number)
            tables.setdefault(measure, []).append(table)
    baselines = dict(zip(SETS, BASELINES[(*scaling, training[0])], strict=True))
    return Published(values, tables, baselines)


def _key(settings: Mapping):
    """(scaling, training, weights) of settings; None if they leave what the thesis tried."""
    pre = settings.get("preprocessing", {})
    fixed = {"include_bias": True, "per_label": False, "normalize": True, "whole_set": True, "top_k": 0}
    if settings.get("model") != "infonas" or any(pre.get(k, v) != v for k, v in fixed.items()):
        return None
    if settings.get("regressor", "dense") != "dense" or settings.get("targets", "pairs") != "pairs":
        return None
    if settings.get("io_lr") not in (None, settings.get("lr")):
        return None
    scaling = (pre.get("scale", "network"), pre.get("weighted", False), pre.get("multiply", True))
    weights = (float(settings.get("vae_weight", 1.0)), float(settings.get("io_weight", 1.0)))
    return scaling, (settings.get("loss", "l1"), settings.get("lr")), weights


def differences(settings: Mapping) -> list[str]:
    """Return in what a run's training differs from the thesis' default, as `key ours (thesis: theirs)`."""
    return [
        f"{key} {settings[key]} (thesis: {theirs})"
        for key, theirs in DEFAULTS.items()
        if key in settings and settings[key] != theirs
    ]
