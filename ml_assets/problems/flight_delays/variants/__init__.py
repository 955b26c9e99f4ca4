"""Variants of ``flight_delays``, off unless ``ML_ASSETS_PROBLEMS`` names this package beside ``ml_assets.problems``."""
