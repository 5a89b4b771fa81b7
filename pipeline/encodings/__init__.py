"""Array views of architectures for models."""

from pipeline.encodings.graph import one_hot

__all__ = ["one_hot"]
