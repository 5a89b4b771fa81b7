"""SemiGAN-NAD (Liu et al. 2024): a generator, a predictor and a discriminator of cells, trained together."""
