"""The search for a problem's parameters: what is tried (Optuna), when a trial is given up, what came of it. No Dagster."""
