"""Views of architectures as arrays that models take."""
