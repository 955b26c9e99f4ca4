"""Versioned artifacts: bytes by digest, manifests, append-only refs. Knows no machine learning and no Dagster.

    store = open_store("s3://ml/prod", user="ada")
    content = store.put(model)
    key, entry = store.publish(Manifest("flight_delays/model", "2013-06", content), why="first training")
    model = store.load(key)

The format is specified in docs/STORE.md, well enough to write another implementation from it.
"""

from ml_assets.store import branches, merging, pushing, records, watch
from ml_assets.store.backend import Backend
from ml_assets.store.batches import BATCH_ROWS
from ml_assets.store.branches import Difference
from ml_assets.store.canonical import canonical, digest
from ml_assets.store.checkpoints import CheckpointLog, Saved
from ml_assets.store.codecs import check_storable, decode, encode
from ml_assets.store.codecs.codec import Codec, Encoded, Parts, is_instance
from ml_assets.store.codecs.figure import Png
from ml_assets.store.codecs.folder import Folder
from ml_assets.store.codecs.record import trust
from ml_assets.store.codecs.table import frame_of
from ml_assets.store.codecs.trust_list import trust_code
from ml_assets.store.collection import Amount, Collector, Decision, Outcome
from ml_assets.store.computations import Remembered, Trace
from ml_assets.store.content import Content, File
from ml_assets.store.copies import NO_COPIES, Copies, NoCopies, copies_of
from ml_assets.store.copy_folder import CopyFolder
from ml_assets.store.forms import Form, from_form, to_form
from ml_assets.store.glance import Glance
from ml_assets.store.handle import Handle
from ml_assets.store.keys import VersionKey
from ml_assets.store.landing import LandedSource, LandingFolder, open_landing
from ml_assets.store.listing import Entry
from ml_assets.store.manifest import Check, Input, LandedFile, Manifest
from ml_assets.store.notifications import Queue, Told
from ml_assets.store.object_store import open_backend
from ml_assets.store.overlay import Overlay
from ml_assets.store.patience import Patience
from ml_assets.store.pieces import as_listed_in
from ml_assets.store.pushing import Parcel, Push
from ml_assets.store.refs import RefEntry
from ml_assets.store.signed import SIGNED, Signed, is_as_named, is_signed, signed, trusted_by
from ml_assets.store.store import MAIN, Store, open_store
from ml_assets.store.together import side_by_side
from ml_assets.store.trash import Gone
from ml_assets.store.upstream import Upstream
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
