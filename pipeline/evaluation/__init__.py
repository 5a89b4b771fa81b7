"""How well a predictor ranks: measures, and the protocols under which they are taken."""
