"""Continuous integration of models: what a change of code touches, whether its models may take its place, and how it is told."""
