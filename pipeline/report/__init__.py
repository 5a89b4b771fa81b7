"""Figures and the page that shows a person what came out."""
