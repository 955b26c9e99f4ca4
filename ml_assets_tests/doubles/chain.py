"""The assets of a problem as users know them, by name and in order."""

CHAIN = ("dataset", "features", "split", "model", "evaluation", "champion", "report", "predictions")
SCORED = ("dataset", "features", "predictions")  # of a partition on which no model is trained
