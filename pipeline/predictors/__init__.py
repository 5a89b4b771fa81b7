"""Performance predictors: one plug-in file each (`Settings` and `Predictor`), networks in `encoders`."""
