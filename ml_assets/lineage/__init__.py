"""Questions about what was made: answered from the store alone, without Dagster."""
