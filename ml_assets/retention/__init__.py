"""What a store keeps, what it lets go of, and what that costs.

facts      what there is: versions, what branches named, pins
plan       what is kept and why, what goes and by which rule: a pure function of these
retention  the plan carried out by the store's collector (``ml_assets/store/collecting/collection.py``)
usage      bytes and money by asset and reason
"""

from ml_assets.retention.plan import Plan, Reason
from ml_assets.retention.retention import GRACE_DAYS, Retention
from ml_assets.retention.usage import S3_STANDARD, Use

__all__ = ["GRACE_DAYS", "S3_STANDARD", "Plan", "Reason", "Retention", "Use"]
