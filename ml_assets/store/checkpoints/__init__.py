"""The states of trainings in flight."""
