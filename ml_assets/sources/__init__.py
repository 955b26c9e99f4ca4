"""Where a problem's data comes from: landed files, a query of a database, an asset of somebody else's or of another problem.

Files lie in the landing folder until they are replaced, so the digest of each that is read is recorded. What a table or
somebody else's asset holds may be gone an hour later: its rows are kept as a version, ``landing``, before anything is made of
them. What another problem made is a version already.
"""

from ml_assets.sources.declared import Declared, Files, Shared, Sql, Upstream, recorded_sources, shared_sources

__all__ = ["Declared", "Files", "Shared", "Sql", "Upstream", "recorded_sources", "shared_sources"]
