"""Models and fast tokenizers of transformers -> safetensors and JSON, as ``save_pretrained`` writes them, without versions.

Only classes that the installed transformers has are built, found by their name there: nothing that a file names is
imported, no code of elsewhere is run, nothing is downloaded. A model comes back on the CPU, ready to answer (``eval()``).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json, canonical, parse
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

WEIGHTS = "model.safetensors"
MODEL_FILES = ("config.json", WEIGHTS)
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
MORE_FILES = ("generation_config.json",)
CIRCUMSTANCES = ("transformers_version", "_name_or_path", "name_or_path", "is_local", "local_files_only", "backend")
OF_THE_LAST_CALL = ("padding", "truncation")  # of a tokenizer: each call sets them anew
CODE_AND_PLACES = (
    "auto_map", "quantization_config", "attn_implementation", "_attn_implementation", "experts_implementation",
    "_experts_implementation", "custom_pipelines", "gguf_file", "tokenizer_file", "vocab_file", "merges_file",
)  # fmt: skip
ONE_FILE = "100000GB"


class TransformersCodec:
    """Files: ``config.json``, ``model.safetensors`` of a model; ``tokenizer.json``, ``tokenizer_config.json`` of a tokenizer;
    further ones if it has them. Meta: ``{"class": …}``.
    """

    name = "transformers"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        is_model = is_instance(value, "transformers.modeling_utils", "PreTrainedModel")
        if not is_model and not is_instance(value, "transformers.tokenization_utils_base", "PreTrainedTokenizerBase"):
            return None
        name = type(value).__name__
        if _class(name) is not type(value):
            raise UnsupportedType(
                f"A {type(value).__module__}.{name} is no model or fast tokenizer that transformers itself has. Return the "
                "state_dict() of a model with what builds it, and build it again in predict."
            )
        if is_model:
            _refuse_changed_types(value)
        parts = _saved(value)
        fault = next(
            (fault for path, data in parts.items() if path.endswith(".json") and (fault := _fault(path, data))), ""
        )
        if fault:
            raise UnsupportedType(f"This {name} would not be loaded again: {fault}")
        return Encoded(self.name, {"class": name}, parts)

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        kind = _class(meta["class"])
        if kind is None:
            raise ValueError(f"transformers has no model or fast tokenizer {meta['class']!r}")
        needed = MODEL_FILES if _is_model(kind) else TOKENIZER_FILES
        files = {path: parts[path] for path in (*needed, *(path for path in MORE_FILES if path in parts.files))}
        if set(parts.files) != set(files):
            raise ValueError(f"a {meta['class']} has no files {sorted(set(parts.files) - set(files))}")
        faults = [_fault(path, data) for path, data in files.items() if path.endswith(".json")]
        if any(faults):
            raise ValueError(" ".join(faults))
        return _loaded(kind, files)


def _class(name: Json) -> Any:
    """A class of transformers by its name there; None for any other name."""
    import transformers
    from transformers.modeling_utils import PreTrainedModel
    from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast

    found = getattr(transformers, name, None) if isinstance(name, str) and name.isidentifier() else None
    is_one = isinstance(found, type) and issubclass(found, PreTrainedModel | PreTrainedTokenizerFast)
    return found if is_one and found.__module__.startswith("transformers.") else None


def _is_model(kind: type) -> bool:
    from transformers.modeling_utils import PreTrainedModel

    return issubclass(kind, PreTrainedModel)


def _refuse_changed_types(model: Any) -> None:
    kinds = sorted({str(of.dtype) for of in model.parameters() if of.is_floating_point()})
    if len(kinds) > 1 or getattr(model, "_hf_peft_config_loaded", False):
        raise UnsupportedType(
            f"A {type(model).__name__} with weights of {' and '.join(kinds)}, or with an adapter, would come back otherwise. "
            "Make them one type, model.to(torch.float32), merge the adapter, or return its state_dict()."
        )


def _saved(value: Any) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder, _quiet():
        value.save_pretrained(
            folder, **({"max_shard_size": ONE_FILE} if _is_model(type(value)) else {"save_jinja_files": False})
        )
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return {name: data if name == WEIGHTS else _settled(name, data) for name, data in files.items()}


def _settled(name: str, data: bytes) -> bytes:
    """Settings with keys in order, and without where and by which version they were written, or how last used."""
    settings = json.loads(data)
    if name == TOKENIZER_FILES[0]:
        return canonical({**settings, **dict.fromkeys(OF_THE_LAST_CALL)})
    return canonical({name: value for name, value in settings.items() if name not in CIRCUMSTANCES})


def _fault(path: str, data: bytes) -> str:
    """What in a file of settings leads to code or places elsewhere, as a sentence; empty if nothing does."""
    if path == "tokenizer.json":
        return ""
    found = sorted({name for name in _names(parse(data)) if name in CODE_AND_PLACES})
    return f"{path} has {', '.join(found)}, which lead to code or files elsewhere." if found else ""


def _names(node: Json) -> Iterator[str]:
    """The names of settings that are set, however deep."""
    for name, value in node.items() if isinstance(node, dict) else ():
        if value is not None and value is not False:
            yield "auto_map" if name == "use_pretrained_backbone" else name
        yield from _names(value)
    for item in node if isinstance(node, list) else ():
        yield from _names(item)


def _loaded(kind: Any, files: Mapping[str, bytes]) -> Any:
    from safetensors import SafetensorError

    with tempfile.TemporaryDirectory() as folder, _quiet():
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        try:
            if not _is_model(kind):
                return kind.from_pretrained(folder, local_files_only=True)
            model, found = kind.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
        except (RuntimeError, SafetensorError) as error:
            raise ValueError(str(error)) from error
        except Exception as error:  # what tokenizers raises for bytes that are no tokenizer is no class of its own
            if type(error) is not Exception and type(error).__module__.split(".")[0] != "huggingface_hub":
                raise
            raise ValueError(str(error)) from error
    if any(found.values()):
        raise ValueError(f"the weights are not those of a {kind.__name__}: {found}")
    model.name_or_path = model.config._name_or_path = ""  # the folder is gone
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Without bars of progress."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
