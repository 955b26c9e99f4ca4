"""How good a model is, with intervals, on which rows, and whether the data can be trusted to say so."""
