"""`ml-assets sign`: a store that was there before anybody asked for signatures."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ml_assets.store.keys import version_key
from ml_assets_tests.store.backends.test_signatures import Signer, pem


@pytest.fixture
def key(tmp_path, monkeypatch) -> Signer:
    signer = Signer(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    (tmp_path / "key.pem").write_bytes(signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "team.pem").write_bytes(pem(signer))
    monkeypatch.setenv("ML_ASSETS_SIGNING_KEY", str(tmp_path / "key.pem"))
    monkeypatch.setenv("ML_ASSETS_TRUSTED_KEYS", str(tmp_path / "trusted"))
    return signer


def test_what_was_there_is_refused_until_it_is_signed(own, key, call):
    assert "is signed by nobody who is trusted" in call("show", "umbrellas/model@2024-01").err
    lacking = call("sign", "--dry-run", "--json").json["lacking"]
    assert lacking > 100 and "sign them: ml-assets sign" in call("sign", "--dry-run").err

    assert call("sign").out == f"{lacking} objects are signed now, by key {key.key_id[:12]}\n"
    assert call("show", "umbrellas/model@2024-01").code == 0 and call("verify", "umbrellas").code == 0
    assert call("sign", "--json").json == {"key": key.key_id, "signed": 0, "lacking": 0, "damaged": []}


def test_what_is_damaged_is_not_vouched_for(own, key, call):
    plain = own.backend
    at = version_key(own.head("umbrellas/model", "2024-01").target)
    plain.replace(at, json.dumps({"changed": True}).encode())
    answer = call("sign", "--json")
    assert answer.code == 1 and answer.json["damaged"] == [at]
    assert "is not what was written: it is not signed" in answer.err
    assert call("show", "umbrellas/model@2024-01").code == 3


def test_without_a_key_nothing_is_signed(own, refused):
    assert "ML_ASSETS_SIGNING_KEY=key.pem" in refused(2, "sign")


@pytest.mark.slow
def test_what_a_run_makes_is_signed_and_another_machine_reads_it(project, key, call, monkeypatch):
    assert call("sign").code == 0
    assert call("run", "umbrellas", "--partition", "2024-04").code == 0
    assert call("sign", "--dry-run", "--json").json["lacking"] == 0

    monkeypatch.delenv("ML_ASSETS_SIGNING_KEY")
    assert call("verify", "umbrellas/model@2024-04").code == 0
