"""The section on autoencoders: how they learned, what info-NAS predicts, latent spaces, the thesis beside."""

from __future__ import annotations

import numpy as np

from pipeline.report import autoencoder_latents as latents
from pipeline.report import autoencoder_losses as learned
from pipeline.report import autoencoder_measures as measures
from pipeline.report import words
from pipeline.report.autoencoder_thesis import comparison
from pipeline.report.autoencoders import Autoencoder
from pipeline.report.blocks import Section
from pipeline.report.context import Context


def autoencoders(c: Context) -> Section:
    """Losses, reconstruction, predicted outputs, latent spaces, regressors on them, the thesis' numbers."""
    title = "Autoencoders"
    encoders = {n: e for n, e in c.run.autoencoders.items() if e.partner is None}
    if not encoders:
        return Section("autoencoders", title, "No autoencoder was trained in this run.")
    blocks = [learned.losses(c), measures.reconstruction(c), *learned.output_losses(c), learned.outputs(c)]
    blocks += [*latents.maps(c), latents.spaces(c), measures.latent_measures(c), latents.distances(c)]
    blocks += [measures.neighbours(c), latents.by_labels(c), latents.regressors(c), comparison(c)]
    return Section("autoencoders", title, _lead(encoders), [b for b in blocks if b is not None])


def _lead(encoders: dict[str, Autoencoder]) -> str:
    names = [words.name(n) for n in encoders]
    shown = words.listed(names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"])
    sizes = {e.embeddings.shape[1] for e in encoders.values() if e.embeddings is not None}
    numbers = f"{sizes.pop()} numbers" if len(sizes) == 1 else "numbers"
    verb = "maps" if len(names) == 1 else "map"
    text = f"{shown} {verb} a cell to {numbers}, from which predictors can learn."
    return f"{text} {_outputs_text(encoders)}".strip()


SETS = {  # as they stand in a sentence
    "train": "the training set",
    "unseen_networks": "unseen networks",
    "unseen_images": "unseen images",
    "unseen_both": "unseen networks with unseen images",
}


def _outputs_text(encoders: dict[str, Autoencoder]) -> str:
    """Where the first autoencoder that predicts outputs does it better than their mean, in a sentence."""
    for key, encoder in encoders.items():
        pairs = {s: (encoder.mean(f"io_loss_{s}"), encoder.mean(f"mean_baseline_{s}")) for s in SETS}
        better = {SETS[s]: loss < mean for s, (loss, mean) in pairs.items() if not np.isnan(loss + mean)}
        if not better:
            continue
        good, bad = ([label for label, won in better.items() if won is right] for right in (True, False))
        text = f"{words.sentence(words.name(key))} predicts outputs "
        if not good:
            return f"{text}no better than their training mean does."
        where = f"on {words.listed(good)}, not on {words.listed(bad)}" if bad else "on all sets"
        return f"{text}better than their training mean does {where}."
    return ""
