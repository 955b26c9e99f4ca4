"""Whatever names and notes hold, a page shows it as text, and a link leads to what it names."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re

import pandas as pd
import pytest

from ml_assets.lineage.compare import compare
from ml_assets.pages.models_page import report
from ml_assets.pages.render import asset_url, file_url, problem_url
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Check, Input, LandedFile, Manifest, VersionKey, open_store
from ml_assets_tests.conftest import BEACH, PROBLEMS
from ml_assets_tests.pages.conftest import Page, site

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;`{{7*7}}"
NAMES = ["../../etc", "a%2Fb", "ü✓ 日本", "x' y\"", "<b>", "?by=x#y", "..", "&lt;", "a b+c"]


@pytest.fixture
def evil(tmp_path):
    """A store in which everything that can be text is an attack."""
    store = open_store(str(tmp_path / "store"), user=EVIL)
    content = store.put(pd.DataFrame({EVIL: [EVIL, "ok"]}))
    read, _ = store.publish(Manifest(f"{EVIL[:20]}/dataset", EVIL, content, by=EVIL), why=EVIL)
    manifest = Manifest(
        "evil/model",
        EVIL,
        content,
        landed=(LandedFile(EVIL, EVIL, 1),),
        code={EVIL: EVIL},
        params={EVIL: EVIL},
        environment=store.put_environment({"python": EVIL, "packages": {EVIL: EVIL}}),
        metrics={EVIL: {"value": EVIL, "low": EVIL, "baseline": EVIL}, "parts": {EVIL: EVIL}, "plain": EVIL},
        checks=(Check(EVIL, False, False, EVIL, {EVIL: EVIL}),),
        notes={"why": EVIL, EVIL: EVIL, "training": {"step": [1, 2], EVIL: [1.0, 2.0]}},
        run=EVIL,
        branch=EVIL,
        by=EVIL,
        created_at=EVIL,
    )
    model, _ = store.publish(manifest, why=EVIL)
    store.publish(Manifest("evil/dataset", EVIL, content, inputs=()), why=EVIL)
    judged = {EVIL: {"value": 1.0, "low": 0.0, "high": 1.0, "baseline": 0.5}}
    other, _ = store.publish(dataclasses.replace(manifest, partition="other", params={}), why=EVIL)
    judges = (Input("model", other, content.digest),)
    store.publish(Manifest("evil/evaluation", EVIL, content, metrics=judged, inputs=judges), why=EVIL)
    Ledger(store, "evil", EVIL).enter(model, kind="promotion", after=[], as_of=EVIL, why=EVIL)
    return store, model, read


def test_no_text_of_a_store_becomes_a_tag(evil):
    store, model, read = evil
    get = site(store, problems=())
    problem = problem_url(read.asset.split("/")[0])
    addresses = [
        "/",
        "/problem/evil",
        "/problem/evil/models",
        f"/version/{model.version}",
        f"/version/{model.version}/lineage",
        f"/version/{read.version}",
        "/asset/evil/model",
        problem,
    ]
    for address in addresses:
        reply = get(address)
        assert reply.status == 200, (address, reply.page.words)
        page = reply.page
        assert not {"script", "b"} & {tag for tag, _ in page.tags}, address
        assert [image for image in page.all("img") if image["src"] == "x"] == [], address
        assert not [a for _, a in page.tags if {"onerror", "style"} & set(a)], address
        assert "<script>alert(1)<" in page.words, address
    assert "{{7*7}}" in get(f"/version/{model.version}").page.words


def test_no_text_of_a_store_becomes_a_tag_or_a_script_of_a_report(evil):
    store, _, _ = evil
    text = report(store, compare(store, "evil"))
    page = Page()
    page.feed(text)

    assert [attributes for tag, attributes in page.tags if tag == "script"] == [{}] and not page.all("img")
    assert text.count("</script>") == 1 and "<script>alert(1)<" in page.words
    assert not [a for _, a in page.tags if {"onerror", "onclick", "src", "href"} & set(a)]


def test_a_browser_is_told_to_run_no_script_of_a_report_but_ours(shared):
    text = report(shared, compare(shared, "umbrellas"))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert f"script-src &#39;sha256-{digest}&#39;" in text or f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_every_link_to_what_has_an_odd_name_leads_there(evil):
    store, model, _ = evil
    get = site(store, problems=())
    links = {link for at in ("/", "/problem/evil", f"/version/{model.version}") for link in get(at).page.links}
    shown = {link for link in links if not link.startswith("#")}

    nothing_made = {
        "/asset/evil/features",
        "/asset/evil/split",
        "/asset/evil/champion",
        "/asset/evil/report",
        "/asset/evil/predictions",
    }
    assert {link for link in shown - nothing_made if get(link).status != 200} == set()


@pytest.mark.parametrize(
    "address", ["/%3Cscript%3E", "/problem/%3Cscript%3E", "/version/%3Cscript%3E", "/asset/%3Cscript%3E"]
)
def test_what_is_asked_for_is_escaped_in_the_refusal(get, address):
    reply = get(address)

    assert reply.status == 404
    assert "<script>" in reply.page.words and "<script>" not in reply.text


@pytest.mark.parametrize("name", NAMES)
def test_an_asset_and_partition_of_any_name_have_their_pages(tmp_path, name):
    store = open_store(str(tmp_path))
    asset = f"toy/{name}"
    key, _ = store.publish(Manifest(asset, name, store.put({"a": 1})), why="a test")
    get = site(store, problems=())

    assert f"/version/{key.version}" in get(asset_url(asset)).page.links
    assert name in get(f"/version/{key.version}").page.words
    assert get(problem_url("toy")).status == 200


def test_a_partition_with_a_slash_works_in_links(shared, get):
    key = shared.head("ice_cream/model", BEACH).target
    page = get(f"/version/{key.version}").page

    assert f"ice_cream/model {BEACH}" in page.words
    assert all(get(link).status == 200 for link in page.links if not link.startswith("#"))


def test_a_files_address_holds_nothing_that_ends_a_path():
    key = VersionKey("a/b", None, "0" * 64)

    assert file_url(key, "a b?c#d%2F\n<") == f"/version/{'0' * 64}/file/a%20b%3Fc%23d%252F%0A%3C"


def test_a_description_and_a_problems_name_are_text(shared):
    get = site(shared, problems=[dataclasses.replace(PROBLEMS[0], description=EVIL)])

    assert "alert(1)" in get("/").page.words and get("/").page.all("script") == []
