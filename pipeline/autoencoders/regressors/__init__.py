"""Regressors of info-NAS, one a module, chosen by its name.

Each has a class `Regressor(latent_size, image_channels, n_features, settings)` with two functions, for I
images and B pairs of a latent and an image: `see(images (I, C, H, W)) -> (I, …)`, what can be computed of
images alone, and `join(z (B, latent_size), seen (B, …)) -> (B, n_features)`; `PAIRS_AT_ONCE`, how many pairs
are predicted together; and `LEARNS`, "outputs" of networks or their "accuracy". Without images C is 0.
"""
