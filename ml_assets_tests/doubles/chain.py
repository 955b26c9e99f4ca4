"""The assets of a problem as users know them, by name and in order."""

CHAIN = ("dataset", "features", "split", "model", "evaluation", "champion", "report", "predictions")
IN_TIME = (*CHAIN, "audit", "monitoring")  # where partitions follow each other
SCORED = ("dataset", "features", "predictions", "audit", "monitoring")  # of a partition on which no model is trained
