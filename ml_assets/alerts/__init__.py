"""Telling people what needs them: what is said once, what waits until it can be sent, and where it goes. Knows no Dagster."""
