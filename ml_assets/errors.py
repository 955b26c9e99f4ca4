"""Every error that ml_assets raises on purpose, one class per thing a caller can do about it.

    MlAssetsError
    ├── StoreError              the store could not do what was asked; nothing was changed
    │   ├── CorruptBlob         bytes are not what their name says: restore them or make the asset again
    │   ├── MissingBlob         a manifest names bytes that are gone: restore them or make the asset again
    │   │   └── Collected       they were let go by a rule: bring them back, or reproduce the version
    │   ├── UnreadableContent   bytes are intact, but no safe codec can read them: never trust where they came from
    │   ├── UnsupportedType     no codec stores this type: return another type or trust() it
    │   ├── UnknownVersion      nothing has this name: list what there is
    │   ├── AmbiguousVersion    a prefix fits several versions: give more characters
    │   ├── RefMoved            somebody else moved the ref first: look again, then decide
    │   ├── InvalidKey          an asset, partition or branch name that cannot be stored
    │   ├── Untrusted           nobody who is trusted signed it: have it signed, or find out who wrote it
    │   ├── UnsafeStore         the backend ignores create-only writes: use another one
    │   └── StoreUnreachable    the backend did not answer: check address, credentials, network
    │       └── OutcomeUnknown  nor whether it did what it was asked: ask again, which finds out
    ├── ProblemError            a problem's definition or code is at fault
    │   ├── InvalidProblem      a field of a Problem makes no sense: mend the definition
    │   ├── InvalidParams       parameters that the problem does not have or that have another type
    │   ├── InvalidPrediction   predict or baseline returned another shape, or values that are no predictions
    │   └── CommandFailed       a command ended badly, or left no output: mend what its last lines say
    ├── DataError               what came in cannot be used; nothing was stored
    │   ├── NotLanded           a file of the landing folder is missing: land it
    │   ├── UnreadableFile      a landed file is truncated or in another format: land it again
    │   ├── SourceFailed        a database did not give what it was asked for: mend the query, the connection, or wait
    │   ├── FeatureMismatch     a model was given other features than it was trained on
    │   ├── UnusableSplit       a window has too few rows to fit, choose and judge
    │   ├── EmptySample         a distribution of no values cannot be compared with another
    │   └── IncomparableEvaluations  two models were judged on different rows: judge both on the same ones
    ├── TrainingError           a training did not come to its end
    │   ├── Interrupted         its process is taken away: it was saved, and goes on when it is started again
    │   ├── Pruned              a trial of a search was not worth going on
    │   ├── SearchFailed        no trial of a search came to a score: mend the training, or narrow the space
    │   ├── NoGpu               it was promised a GPU and there is none: mend driver or pod, or ask for none
    │   ├── RankLost            the machine took one of its processes: it goes on when it is started again
    │   ├── CommandLost         the machine ended a command: it goes on when it is started again
    │   ├── RankFailed          one of its processes failed by itself: mend what its last lines say
    │   └── Diverged            its loss is no number any more: lower the learning rate, look at the data
    ├── ClusterError            Kubernetes did not do what was asked
    │   ├── ClusterUnreachable  its API did not answer, or was busy: it is asked again
    │   └── ClusterRefused      it will not do that: mend the permissions or what is asked for
    ├── MirrorError             a tracking server or lineage endpoint was not told; nothing is lost
    │   ├── MirrorUnreachable   it did not answer, or was busy: it is told later
    │   └── MirrorRefused       it says no: mend the address, its credentials, or what it holds
    ├── NotAnswered             a request to a served model: its status and message say why, and what to send instead
    ├── Refused                 the request makes no sense as things stand: nothing was changed
    ├── Rejected                a blocking check failed: the version is kept for inspection and no ref names it
    └── UsageError              a command that cannot be understood: the message says how to write it

Messages state the case with names and values, what it means, and what to do (docs: STYLE of each message is tested).
A normal refusal (not promoted, not retrained) is a value, never one of these.
"""

from __future__ import annotations


class MlAssetsError(Exception):
    """Base of all errors raised on purpose."""


class StoreError(MlAssetsError):
    """The store could not do what was asked; nothing was changed."""


class CorruptBlob(StoreError):
    """Bytes read back differ from the digest that names them."""


class MissingBlob(StoreError):
    """A manifest names bytes that the store no longer has."""


class Collected(MissingBlob):
    """A version whose content was collected: its manifest is there, its bytes are not, as a rule of retention wants it."""


class UnreadableContent(StoreError):
    """Intact bytes that no safe codec can turn into a value."""


class UnsupportedType(StoreError):
    """A value of a type that no codec stores."""


class UnknownVersion(StoreError):
    """No version, ref or asset has this name."""


class AmbiguousVersion(StoreError):
    """A version prefix that fits more than one version."""


class Untrusted(StoreError):
    """A manifest, entry or checkpoint that no trusted key signed."""


class RefMoved(StoreError):
    """Another writer moved the ref first."""


class InvalidKey(StoreError):
    """An asset, partition or branch name that cannot become a key."""


class UnsafeStore(StoreError):
    """The backend ignores create-only writes."""


class StoreUnreachable(StoreError):
    """The backend did not answer or refused the credentials."""


class OutcomeUnknown(StoreUnreachable):
    """The backend did not say whether a write was done. Nothing is taken back; the same again is safe, and finds out."""


class ProblemError(MlAssetsError):
    """A problem's definition or code is at fault."""


class InvalidProblem(ProblemError):
    """A field of a Problem makes no sense."""


class InvalidParams(ProblemError):
    """Parameters the problem does not have, or of another type."""


class InvalidPrediction(ProblemError):
    """What predict or baseline returned is no prediction for the rows it was given."""


class CommandFailed(ProblemError):
    """A command ended with another exit code than 0, or did not leave what it was to."""


class DataError(MlAssetsError):
    """What came in cannot be used; nothing was stored."""


class NotLanded(DataError):
    """A file of the landing folder is missing."""


class UnreadableFile(DataError):
    """A landed file is truncated or in another format."""


class SourceFailed(DataError):
    """A database did not give what it was asked for."""


class FeatureMismatch(DataError):
    """A model was given other features than it was trained on."""


class UnusableSplit(DataError):
    """A window has too few rows to fit, choose and judge."""


class EmptySample(DataError):
    """A distribution of no values cannot be compared with another."""


class IncomparableEvaluations(DataError):
    """Two models were judged on different rows."""


class TrainingError(MlAssetsError):
    """A training did not come to its end."""


class Interrupted(TrainingError):
    """A training was asked to stop; its state was saved."""


class Pruned(TrainingError):
    """A trial of a search was given up early."""


class SearchFailed(TrainingError):
    """No trial of a search came to a score, or one was lost while it ran."""


class NoGpu(TrainingError):
    """The GPU that a training was promised is not there."""


class RankLost(TrainingError):
    """One of several processes that train together was ended by its machine, or is gone with it."""


class CommandLost(TrainingError):
    """A command was ended by its machine, as for want of memory."""


class RankFailed(TrainingError):
    """One of several processes that train together failed by itself."""


class Diverged(TrainingError):
    """A loss became infinite or no number."""


class ClusterError(MlAssetsError):
    """Kubernetes did not do what was asked."""


class ClusterUnreachable(ClusterError):
    """The API of Kubernetes did not answer, or was busy."""


class ClusterRefused(ClusterError):
    """Kubernetes will not do what was asked."""


class MirrorError(MlAssetsError):
    """A mirror of what was made could not be told of it; nothing is lost."""


class MirrorUnreachable(MirrorError):
    """A mirror did not answer."""


class MirrorRefused(MirrorError):
    """A mirror says no, with an HTTP ``status``; ``code`` is how it calls that, if it does."""

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class NotAnswered(MlAssetsError):
    """A request to a served model that is not answered.

    Attributes:
        status: of HTTP: 400 for what cannot be read, 422 for rows that the model does not take, 503 for not now, and so on.
        column, row: where the fault is, rows counted from 0; empty and None where it is in no one place.
        retry_after: seconds after which it is worth asking again; None: never as it is.
    """

    def __init__(
        self, status: int, message: str, *, column: str = "", row: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.column, self.row, self.retry_after = status, column, row, retry_after


class Refused(MlAssetsError):
    """A request that makes no sense as things stand; nothing was changed."""


class Rejected(MlAssetsError):
    """A blocking check failed; no ref names the version."""


class UsageError(MlAssetsError):
    """A command or reference that cannot be understood."""
