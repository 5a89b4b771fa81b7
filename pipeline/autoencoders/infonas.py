"""info-NAS: arch2vec trained jointly with a regressor of what networks output (thesis, chapter 3)."""

from __future__ import annotations

import torch

from pipeline.autoencoders.baselines import as_arrays, as_facts, baselines
from pipeline.autoencoders.distances import distances
from pipeline.autoencoders.joint import train
from pipeline.autoencoders.labelled import Labelled, load_labelled, preprocessing
from pipeline.autoencoders.reference import Reference
from pipeline.autoencoders.regressor import InfoNas
from pipeline.autoencoders.shown import shown
from pipeline.autoencoders.training import Fitted, Task
from pipeline.encodings.graphs import graph_shape


def fit(task: Task) -> Fitted:
    """Train a new model from torch's global random state; one row of history an epoch.

    Raises UserError if the labelled data are not given, DataError if they do not fit.
    """
    s, labelled = task.settings, load_labelled(task)
    model = new_model(task, labelled)
    reference = Reference(model.vae, s.lr) if s.reference else None
    history = train(model, labelled, task, reference)
    vaes = {"vae": model.vae} | ({"reference": reference.vae} if reference else {})
    by_mean = baselines(labelled, s)
    arrays = as_arrays(by_mean) | shown(model, labelled, s.n_shown, task.seed)
    if labelled.io is not None:
        arrays |= preprocessing(labelled.io)
    cells = {"labelled": labelled.archs, "unlabelled": task.held_out_archs}
    arrays |= distances(vaes, cells, s.n_distances, task.seed, task.device)
    return Fitted(
        model.vae, vaes | {"regressor": model.regressor}, history, as_facts(by_mean, s.loss), arrays
    )


def new_model(task: Task, labelled: Labelled) -> InfoNas:
    """Return a model for the task's labelled data, on its device, from torch's global random state."""
    model = InfoNas(
        graph_shape(task.space).n_ops,
        labelled.graphs.joined_vertices,
        labelled.images.shape[1],
        labelled.n_features,
        task.settings,
    )
    return model.to(task.device, memory_format=torch.channels_last)  # as the images are
