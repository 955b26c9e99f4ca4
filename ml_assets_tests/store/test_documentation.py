"""docs/STORE.md is a specification: its examples are true."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from ml_assets.store import Content, Manifest, Store, VersionKey, canonical, digest, open_store
from ml_assets.store.codecs import CODECS
from ml_assets.store.keys import blob_key, escape, unescape, version_key

TEXT = (Path(__file__).parents[2] / "docs" / "STORE.md").read_text()
VALUE = {"b": [1, 2.5, None], "a": "ü"}
ESCAPES = re.findall(r"^\| (`.+`|the empty name) \| `(.+)` \|$", TEXT.split("## Keys")[1].split("## Digests")[0], re.M)


def block(kind: str) -> str:
    """The one line of the fenced block of this kind."""
    (found,) = re.findall(rf"```{kind}\n(.*)\n```", TEXT)
    return str(found)


@pytest.mark.parametrize(("name", "segment"), ESCAPES)
def test_escapes_are_as_documented(name: str, segment: str) -> None:
    name = "" if name == "the empty name" else name.strip("`")
    assert escape(name) == segment
    assert unescape(segment) == name


def test_all_documented_escapes_were_found() -> None:
    assert len(ESCAPES) == 8


def test_canonical_json_digest_and_blob_are_as_documented() -> None:
    data = canonical(VALUE)
    assert data.decode() == block("json")
    assert f"has {len(data)} bytes and the digest `{digest(data)}`" in TEXT
    assert f"`{blob_key(digest(data))}`" in TEXT
    assert canonical([0.1, 1e-7, 2.0]) == b"[0.1,1e-07,2.0]"


def test_content_and_its_digest_are_as_documented(store: Store) -> None:
    content = store.put(VALUE)
    assert canonical(content.to_json()).decode() == block("content")
    assert Content.from_json(json.loads(block("content"))) == content
    assert f"`{content.digest}`, is the *content digest*" in TEXT


def test_the_documented_manifest_is_readable_and_lies_where_it_says(store: Store) -> None:
    manifest = Manifest.from_bytes(block("manifest").encode())
    assert manifest.to_bytes().decode() == block("manifest")
    assert f"lies under `{version_key(manifest.key)}`" in TEXT
    assert f"`{manifest.key}`" in TEXT
    store.put(VALUE)
    assert store.load(store.commit(manifest)) == VALUE


def test_every_field_of_a_manifest_and_every_codec_is_documented() -> None:
    table = TEXT.split("## Manifests")[1].split("## Refs")[0]
    assert all(f"`{field.name}`" in table for field in fields(Manifest))
    assert all(f"| `{codec.name}` |" in TEXT for codec in CODECS)


def test_a_store_holds_the_keys_that_are_documented_and_no_others(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), branch="fix/1")
    content = store.put(VALUE)
    key, _ = store.publish(
        Manifest("a/b", None, content, run="41aa", environment=store.put_environment({"numpy": "2"})), why="x"
    )
    assert store.backend.list("") == sorted([
        "store.json",
        "probe.json",
        blob_key(content.files[0].digest),
        f"versions/a/b/_/{key.version}.json",
        "refs/fix=2F1/a/b/_/0000000001.json",
        "runs/41aa/a/b/_/0000000001.json",
        f"environments/{store.manifest(key).environment}.json",
    ])  # fmt: skip
    assert (tmp_path / "store.json").read_text() == '{"format":1,"made_by":"ml_assets"}'


def test_a_checkpoint_is_laid_out_as_documented(store: Store) -> None:
    import torch

    log = store.checkpoints("ab" * 32)
    log.save(7, {"w": torch.ones(2), 0: (b"abc", float("inf"), [None, 0.5])}, interruptions=1)
    (key,) = store.backend.list("checkpoints")
    data = store.backend.get(key) or b""
    assert key == f"checkpoints/{'ab' * 32}/000000000007-{digest(data)}"
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    assert data[8:start] == canonical(header)
    assert header["facts"] == {"step": 7, "interruptions": 1}
    assert header["tensors"] is True
    assert sum(header["sizes"]) == len(data) - start
    assert data.endswith(b"abc")
    ((w, tensor), (zero, rest)) = header["state"]["dict"]
    assert (w, list(tensor), zero) == ("w", ["tensor"], 0)
    assert rest == {"tuple": [{"bytes": 0}, {"float": "inf"}, {"list": [None, 0.5]}]}


def test_an_entry_proves_itself_as_documented(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), user="ada")
    key, entry = store.publish(Manifest("a", "p", store.put(1)), why="first")
    written = json.loads((tmp_path / "refs/main/a/p/0000000001.json").read_text())
    assert written.pop("digest") == digest(canonical(written))
    assert set(written) == {"n", "target", "by", "why", "at", "run", "details", "token"}
    assert entry is not None
    assert VersionKey(**written["target"]) == key == entry.target
