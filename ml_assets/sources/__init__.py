"""Where a problem's data comes from: landed files, a query of a database, an asset of somebody else's.

Files lie in the landing folder until they are replaced, so the digest of each that is read is recorded. What a table or
another asset holds may be gone an hour later: its rows are kept as a version, ``landing``, before anything is made of them.
"""

from ml_assets.sources.declared import Declared, Files, Sql, Upstream, recorded_sources

__all__ = ["Declared", "Files", "Sql", "Upstream", "recorded_sources"]
