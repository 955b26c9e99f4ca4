"""Computation keys: what a computation is made of, whether it was done before, and what it took."""
