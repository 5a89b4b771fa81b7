"""nasflow: predictor-based neural architecture search as one workflow with cached artifacts."""

__version__ = "0.1.0"
