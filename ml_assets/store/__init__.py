"""Versioned artifacts: bytes by digest, manifests, append-only refs. Knows no machine learning and no Dagster.

    store = open_store("s3://ml/prod", user="ada")
    content = store.put(model)
    key, entry = store.publish(Manifest("flight_delays/model", "2013-06", content), why="first training")
    model = store.load(key)

    backends/       what holds bytes by key: a folder, a cloud, memory; one over another; one that is signed
    blobs.py        values as bytes by digest, which codecs/ makes of them; copies.py: fetched once
    manifest.py     a version: what was made, from what, by what code
    logs/           refs, which name versions, and move by one more entry
    computations.py what a computation came to; checkpoints/: how far one that goes on has come
    sharing/        branches, and how they come into ``main`` or to another store
    collecting/     what nobody needs goes to the trash, and later for good
    landing/        the folder that data lands in, and who watches it

The format is specified in docs/STORE.md, well enough to write another implementation from it.
"""

from ml_assets.store import records
from ml_assets.store.backends.backend import Backend
from ml_assets.store.backends.listing import Entry
from ml_assets.store.backends.object_store import open_backend
from ml_assets.store.backends.overlay import Overlay
from ml_assets.store.backends.patience import Patience
from ml_assets.store.backends.signed import SIGNED, Signed, is_as_named, is_signed, signed, trusted_by
from ml_assets.store.backends.upstream import Upstream
from ml_assets.store.batches import BATCH_ROWS
from ml_assets.store.canonical import canonical, digest
from ml_assets.store.checkpoints.log import CheckpointLog, Saved
from ml_assets.store.codecs import check_storable, decode, encode
from ml_assets.store.codecs.codec import Codec, Encoded, Parts, is_instance
from ml_assets.store.codecs.figure import Png
from ml_assets.store.codecs.folder import Folder
from ml_assets.store.codecs.record import trust
from ml_assets.store.codecs.table import frame_of
from ml_assets.store.codecs.trust_list import trust_code
from ml_assets.store.collecting.collection import Amount, Collector, Decision, Outcome
from ml_assets.store.collecting.trash import Gone
from ml_assets.store.computations import Remembered, Trace
from ml_assets.store.content import Content, File
from ml_assets.store.copies import NO_COPIES, Copies, NoCopies, copies_of
from ml_assets.store.copy_folder import CopyFolder
from ml_assets.store.glance import Glance
from ml_assets.store.handle import Handle
from ml_assets.store.keys import VersionKey
from ml_assets.store.landing import watch
from ml_assets.store.landing.folder import LandedSource, LandingFolder, open_landing
from ml_assets.store.landing.forms import Form, from_form, to_form
from ml_assets.store.landing.notifications import Queue, Told
from ml_assets.store.logs.refs import RefEntry
from ml_assets.store.manifest import Check, Input, LandedFile, Manifest
from ml_assets.store.pieces import as_listed_in
from ml_assets.store.sharing import branches, merging, pushing
from ml_assets.store.sharing.branches import Difference
from ml_assets.store.sharing.pushing import Parcel, Push
from ml_assets.store.store import MAIN, Store, open_store
from ml_assets.store.together import side_by_side
from ml_assets.store.verification import Fault, Looked, Verification

__all__ = [
    "BATCH_ROWS",
    "MAIN",
    "NO_COPIES",
    "SIGNED",
    "Amount",
    "Backend",
    "Check",
    "CheckpointLog",
    "Codec",
    "Collector",
    "Content",
    "Copies",
    "CopyFolder",
    "Decision",
    "Difference",
    "Encoded",
    "Entry",
    "Fault",
    "File",
    "Folder",
    "Form",
    "Glance",
    "Gone",
    "Handle",
    "Input",
    "LandedFile",
    "LandedSource",
    "LandingFolder",
    "Looked",
    "Manifest",
    "NoCopies",
    "Outcome",
    "Overlay",
    "Parcel",
    "Parts",
    "Patience",
    "Png",
    "Push",
    "Queue",
    "RefEntry",
    "Remembered",
    "Saved",
    "Signed",
    "Store",
    "Told",
    "Trace",
    "Upstream",
    "Verification",
    "VersionKey",
    "as_listed_in",
    "branches",
    "canonical",
    "check_storable",
    "copies_of",
    "decode",
    "digest",
    "encode",
    "frame_of",
    "from_form",
    "is_as_named",
    "is_instance",
    "is_signed",
    "merging",
    "open_backend",
    "open_landing",
    "open_store",
    "pushing",
    "records",
    "side_by_side",
    "signed",
    "to_form",
    "trust",
    "trust_code",
    "trusted_by",
    "watch",
]
