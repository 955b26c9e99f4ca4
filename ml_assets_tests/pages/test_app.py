from __future__ import annotations

import dataclasses
import json
import logging
from itertools import pairwise
from pathlib import Path

import pytest

from ml_assets.problems import BrokenProblem
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Check, Input, Png, open_store
from ml_assets_tests.cli.test_verify import blob_of, flip
from ml_assets_tests.conftest import BEACH, MONTHS, PROBLEMS
from ml_assets_tests.pages.conftest import site

PNG = b"\x89PNG\r\n\x1a\n"


def key_of(store, asset: str, partition: str = "2024-02"):
    return store.head(asset, partition).target


# ---------------------------------------------------------------- every page


@pytest.fixture
def every(shared) -> list[str]:
    versions = [key for asset in shared.assets() for key in shared.versions(asset)]
    return [
        "/",
        *(f"/problem/{problem.name}" for problem in PROBLEMS),
        *(f"/problem/{problem.name}/models" for problem in PROBLEMS),
        *(f"/asset/{asset}" for asset in shared.assets()),
        *(f"/version/{key.version}" for key in versions),
        f"/version/{versions[0].version}/lineage",
    ]


def test_every_link_of_every_page_leads_somewhere(get, every):
    links = {link for address in every for link in get(address).page.links if not link.startswith("#")}

    assert len(links) > 30
    assert {link: status for link in links if (status := get(link).status) != 200} == {}


def test_every_page_is_html_that_needs_no_script_and_no_inline_style(get, every):
    for address in every:
        page = get(address).page
        assert not {tag for tag, _ in page.tags} & {"script", "style", "iframe", "object", "embed"}, address
        forms = page.all("form")  # which only choose what is shown
        assert all(form["method"] == "get" and form["action"].startswith("/problem/") for form in forms), address
        assert not [tag for tag, attributes in page.tags if "style" in attributes or "onload" in attributes], address


def test_two_models_are_chosen_on_the_problems_page_and_their_difference_is_shown(shared, get):
    (form,) = get("/problem/umbrellas").page.all("form")
    models = [key_of(shared, "umbrellas/model", month).version for month in MONTHS]
    shown = [option["value"] for option in get("/problem/umbrellas").page.all("option")]
    assert {*shown} == {*models}

    found = get(f"{form['action']}?old={models[0]}&new={models[1]}")
    assert found.status == 200
    assert "Other content, made of other things." in found.text
    assert f"Metrics by {key_of(shared, 'umbrellas/evaluation', MONTHS[0])}" in found.text, "letters of names stay"
    assert f"/version/{models[0]}" in found.page.links
    assert f"/version/{models[1]}" in found.page.links


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "choose them on its page"),
        ("?old=ffffffff&new=ffffffff", 404, "no version starting with"),
        ("?old={ice}&new={ice}", 400, "belongs to another problem than umbrellas"),
    ],
    ids=["none chosen", "unknown", "another problem's"],
)
def test_a_difference_that_cannot_be_shown_says_why(shared, get, query, status, words):
    answer = get("/problem/umbrellas/diff" + query.format(ice=key_of(shared, "ice_cream/model", BEACH).version))
    assert answer.status == status
    assert words in answer.text


def test_every_page_names_its_language_and_has_headings_in_order(get, every):
    for address in every:
        page = get(address).page
        levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
        assert page.all("html") == [{"lang": "en"}]
        assert levels[0] == 1 and levels.count(1) == 1, address
        assert all(after - before <= 1 for before, after in pairwise(levels)), (address, levels)
        assert all(image["alt"] for image in page.all("img"))
        assert all("scope" in cell for cell in page.all("th"))


# ---------------------------------------------------------------- problems


def test_the_first_page_says_who_is_champion_of_each_problem(shared, get):
    page = get("/").page
    champion = Ledger(shared, "umbrellas", None).current()
    beach = Ledger(shared, "ice_cream", BEACH).current()

    assert f"/version/{champion.model.version}" in page.links
    assert f"/version/{beach.model.version}" in page.links
    assert f"Champion of {BEACH}" in page.words


def test_an_empty_store_says_what_to_do_next(tmp_path):
    reply = site(open_store(str(tmp_path / "nothing")))("/")

    assert reply.status == 200
    assert "ml-assets run umbrellas" in reply.text
    assert not (tmp_path / "nothing").exists()


def test_a_problem_that_only_the_store_knows_is_shown_too(shared):
    get = site(shared, problems=())

    assert "/problem/umbrellas" in get("/").page.links
    assert get("/problem/umbrellas").status == 200


BROKEN = BrokenProblem("snow", "problems/snow.py:3: NameError: name 'flakes' is not defined", "Traceback <of> snow")


def test_a_broken_problem_is_shown_with_its_error_among_the_others(shared):
    get = site(shared, broken=[BROKEN])
    page = get("/").page

    assert BROKEN.summary in page.words and BROKEN.traceback in page.words and "ml-assets run snow" not in page.words
    assert f"/version/{Ledger(shared, 'umbrellas', None).current().model.version}" in page.links
    assert BROKEN.summary in get("/problem/snow").page.words


def test_what_a_broken_problem_made_before_is_still_shown(shared):
    get = site(shared, problems=(), broken=[dataclasses.replace(BROKEN, name="umbrellas")])

    assert get("/").page.words.count("umbrellas") == site(shared, problems=())("/").page.words.count("umbrellas")
    for address in ("/", "/problem/umbrellas"):
        page = get(address).page
        assert BROKEN.summary in page.words
        assert f"/version/{Ledger(shared, 'umbrellas', None).current().model.version}" in page.links


def test_a_damaged_problem_leaves_the_others_in_peace(own):
    key = key_of(own, "umbrellas/evaluation", MONTHS[-1])
    (path,) = own.backend.list(f"versions/umbrellas/evaluation/{MONTHS[-1]}")
    flip(Path(own.url) / path)
    page = site(own)("/").page

    assert "CorruptBlob" in page.words and key.version in page.words
    assert f"/version/{Ledger(own, 'ice_cream', BEACH).current().model.version}" in page.links


def test_a_problem_shows_its_moves_newest_first(own, get):
    ledger = Ledger(own, "umbrellas", None)
    first = ledger.moves()[0]
    ledger.enter(first.model, kind="rollback", after=ledger.moves(), as_of=MONTHS[-1], why="calibration is off")
    page = site(own)("/problem/umbrellas").page

    said = page.words[page.words.index("Moves") :]
    assert said.index("calibration is off") < said.index(first.why)


def test_a_proposal_is_shown_with_its_reasons_and_the_command_that_approves_it(own, get):
    ledger, model = Ledger(own, "umbrellas", None), key_of(own, "umbrellas/model", MONTHS[-1])
    ledger.enter(model, kind="proposal", after=ledger.moves(), as_of=MONTHS[-1], why="better by 0.02")
    for address in ("/", "/problem/umbrellas"):
        page = site(own)(address).page
        assert "Proposed" in page.words
        assert f"/version/{model.version}" in page.links
    assert f"ml-assets approve umbrellas/model@{MONTHS[-1]}:{model.short} --why '…'" in page.words
    assert page.words.count("better by 0.02") == 2, "at the top, and among the moves"
    assert f"/version/{ledger.current().model.version}" in page.links


def test_metrics_are_drawn_over_months_and_not_over_beaches(get):
    assert "auroc over partitions" in get("/problem/umbrellas").page.words
    assert "over partitions" not in get("/problem/ice_cream").page.words


# ---------------------------------------------------------------- models side by side


def test_models_are_sorted_by_plain_links(shared, get):
    def auroc(month):
        return shared.manifest(key_of(shared, "umbrellas/evaluation", month)).metrics["auroc"]["value"]

    reply = get("/problem/umbrellas/models")
    (best_first,) = [link for link in reply.page.links if "by=auroc" in link]
    (partition,) = [cell for cell in reply.page.all("th") if cell.get("aria-sort") == "descending"]
    months = [key.partition for key in shared.versions("umbrellas/model")]
    assert sorted(months) == list(MONTHS) and partition["scope"] == "col"

    ordered = get(best_first)
    (again,) = [link for link in ordered.page.links if "by=auroc" in link]
    versions = [link for link in ordered.page.links if link.startswith("/version/")][::2]
    expected = sorted(MONTHS, key=auroc, reverse=True)
    assert versions == [f"/version/{key_of(shared, 'umbrellas/model', month).version}" for month in expected]
    assert "order=desc" in best_first and "order=asc" in again


def test_where_less_is_better_the_first_click_puts_the_least_first(get):
    (link,) = [link for link in get("/problem/umbrellas/models").page.links if "by=brier" in link]

    assert "order=asc" in link


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("by=nothing", "partition, auroc, brier"),
        ("by=auroc&order=up", "asc, desc"),
        ("by=%3Cscript%3E", "partition, auroc, brier"),
    ],
)
def test_an_order_that_there_is_not_is_named_with_those_there_are(get, query, known):
    reply = get(f"/problem/umbrellas/models?{query}")

    assert reply.status == 400
    assert f"Known: {known}." in reply.page.words


def test_models_say_which_rows_judged_them(shared, get):
    words = get("/problem/umbrellas/models").page.words

    for month in MONTHS:
        assert shared.manifest(key_of(shared, "umbrellas/split", month)).content.digest[:6] in words


# ---------------------------------------------------------------- a version


def test_a_version_shows_what_its_manifest_records(shared, get):
    key = key_of(shared, "umbrellas/model")
    manifest = shared.manifest(key)
    page = get(f"/version/{key.version[:10]}").page

    for said in (key.version, manifest.run, manifest.by, manifest.content.digest[:12], "reloads", "shuffle_label"):
        assert said in page.words
    assert {f"/version/{read.key.version}" for read in manifest.inputs} <= set(page.links)
    assert f"/version/{key_of(shared, 'umbrellas/evaluation').version}" in page.links
    assert "Model card" in page.words and "Judged on" in page.words


def test_a_landed_file_is_shown_with_its_digest_and_the_table_by_its_first_rows(shared, get):
    key = key_of(shared, "umbrellas/dataset")
    (landed,) = shared.manifest(key).landed
    words = get(f"/version/{key.version}").page.words

    assert landed.name in words and landed.digest in words
    assert "20 of 400 rows" in words
    assert "2024-02-00019" in words and "2024-02-00020" not in words


@pytest.mark.parametrize("noun", ["report", "evaluation"])
def test_figures_are_shown_at_full_size_by_a_report_and_by_the_evaluation_that_it_explains(shared, get, noun):
    key = key_of(shared, f"umbrellas/{noun}")
    (image,) = get(f"/version/{key.version}").page.all("img")
    reply = get(image["src"])

    assert reply.headers["content-type"] == "image/svg+xml"
    assert "Precision and recall" in reply.text
    assert image["alt"] == f"Figure of {key_of(shared, 'umbrellas/report')}"


def test_an_evaluation_from_before_there_were_reports_shows_its_own_figure(own):
    judged = own.manifest(key_of(own, "umbrellas/evaluation"))
    figure = own.load(key_of(own, "umbrellas/report")).figure
    old = own.put(dataclasses.replace(own.get(judged.content), figure=figure))
    key = own.commit(dataclasses.replace(judged, content=old))
    (image,) = site(own)(f"/version/{key.version}").page.all("img")
    assert image["src"] == f"/version/{key.short}/figure.svg" or key.version[:12] in image["src"]


def test_a_version_without_a_figure_has_none_to_show(shared, get):
    assert get(f"/version/{key_of(shared, 'umbrellas/split').version}/figure.svg").status == 404


@pytest.mark.parametrize(
    "stored", [{}, {"title": "t"}, {"title": "t", "rows": [[{"what": 1}]]}, {"title": "t", "rows": 3}]
)
def test_a_figure_that_cannot_be_drawn_is_told_and_the_rest_of_the_version_is_shown(own, stored):
    told = own.load(key_of(own, "umbrellas/report"))
    manifest = own.manifest(key_of(own, "umbrellas/report"))
    key = own.commit(dataclasses.replace(manifest, content=own.put(dataclasses.replace(told, figure=stored))))
    get = site(own)
    assert get(f"/version/{key.version}/figure.svg").status == 500
    assert get(f"/version/{key.version}").status == 200


def test_a_figure_of_an_older_version_is_shown_as_it_was_stored(own):
    judged = own.load(key_of(own, "umbrellas/evaluation"))
    manifest = own.manifest(key_of(own, "umbrellas/evaluation"))
    content = own.put(dataclasses.replace(judged, figure=Png(PNG)))
    key = own.commit(dataclasses.replace(manifest, content=content))
    get = site(own)
    (image,) = get(f"/version/{key.version}").page.all("img")
    assert get(image["src"]).headers["content-type"] == "image/png"


@pytest.mark.parametrize("note", ["training", "said"])
def test_what_was_said_in_steps_is_drawn_from_its_notes(own, note):
    manifest = own.manifest(key_of(own, "umbrellas/model"))
    notes = {**manifest.notes, note: {"step": [1, 2, 3], "loss": [3.0, None, 1.0]}}
    key = own.commit(dataclasses.replace(manifest, notes=notes))
    page = site(own)(f"/version/{key.version}").page

    assert page.all("polyline") and "loss" in page.words


def test_of_a_single_point_the_numbers_are_written(own):
    manifest = own.manifest(key_of(own, "umbrellas/dataset"))
    key = own.commit(dataclasses.replace(manifest, notes={"said": {"step": [0], "rejected": [17.0]}}))
    page = site(own)(f"/version/{key.version}").page

    assert not page.all("polyline") and "rejected" in page.words and "17" in page.words


@pytest.mark.parametrize(
    "training",
    [
        "a sentence",
        {"step": "x"},
        {"step": []},
        [1],
        {"step": [1], "loss": ["a"]},
        {"step": [10**400], "loss": [1]},
        None,
    ],
)
def test_a_training_of_another_form_does_not_break_the_page(own, training):
    manifest = own.manifest(key_of(own, "umbrellas/model"))
    key = own.commit(dataclasses.replace(manifest, notes={"training": training}))

    assert site(own)(f"/version/{key.version}").status == 200


def test_a_model_whose_evaluation_is_none_of_ours_is_still_shown(own):
    model = key_of(own, "umbrellas/model")
    judged = own.manifest(key_of(own, "umbrellas/evaluation"))
    read = (Input("model", model, judged.content.digest),)
    late = dataclasses.replace(
        judged, content=own.put({"auroc": 1}), inputs=read, created_at="2999-01-01T00:00:00+00:00"
    )
    key = own.commit(dataclasses.replace(late, notes={"metrics_in_order": [["auroc"]]}))
    reply = site(own)(f"/version/{model.version}")

    assert reply.status == 200
    assert f"{key} holds json instead of a Judgement" in reply.page.words
    assert site(own)(f"/version/{key.version}").status == 200


def test_a_version_says_why_it_was_computed(shared):
    words = site(shared)(f"/version/{key_of(shared, 'umbrellas/model').version}").page.words

    assert "computed: the first of this partition" in words.partition("Content")[0]


def test_a_refused_version_says_so_and_why(own):
    manifest = own.manifest(key_of(own, "umbrellas/dataset"))
    check = Check("volume", passed=False, blocking=True, description="3 rows landed.")
    key, _ = own.publish(dataclasses.replace(manifest, checks=(check,)), why="a test")
    words = site(own)(f"/version/{key.version}").page.words

    assert "refused" in words and "3 rows landed." in words
    assert "refused" in site(own)("/asset/umbrellas/dataset").page.words


def test_a_version_whose_environment_is_gone_is_still_shown(own):
    manifest = own.manifest(key_of(own, "umbrellas/model"))
    key = own.commit(dataclasses.replace(manifest, environment="0" * 64))
    reply = site(own)(f"/version/{key.version}")

    assert reply.status == 200
    assert "There is no environment 000000000000" in reply.page.words


def test_a_damaged_table_is_named_where_its_rows_would_be(own):
    key = key_of(own, "umbrellas/dataset")
    flip(blob_of(own, key))
    reply = site(own)(f"/version/{key.version}")

    assert reply.status == 200
    assert "CorruptBlob" in reply.page.words


def test_the_manifest_is_the_stored_bytes(shared, get):
    key = key_of(shared, "umbrellas/model")
    reply = get(f"/version/{key.version}/manifest.json")

    assert reply.headers["content-type"] == "application/json"
    assert reply.body == shared.manifest(key).to_bytes()
    assert json.loads(reply.body)["asset"] == "umbrellas/model"


def test_an_asset_lists_its_versions_newest_first(own):
    manifest = own.manifest(key_of(own, "umbrellas/model"))
    newest, _ = own.publish(dataclasses.replace(manifest, created_at="2999-01-01T00:00:00+00:00"), why="a test")
    page = site(own)("/asset/umbrellas/model").page
    versions = [link for link in page.links if link.startswith("/version/")]

    assert versions[0] == f"/version/{newest.version}" and len(versions) == len(MONTHS) + 1
    assert "replaced" in page.words


def test_what_is_made_while_the_pages_are_open_appears(own):
    get = site(own)
    before = get("/asset/umbrellas/model").page.links
    manifest = own.manifest(key_of(own, "umbrellas/model"))
    own.publish(dataclasses.replace(manifest, created_at="2999-01-01T00:00:00+00:00"), why="a test")

    assert len(get("/asset/umbrellas/model").page.links) == len(before) + 1


# ---------------------------------------------------------------- what cannot be shown


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/version/0000000000", 404, "no version starting with '0000000000'. Known:"),
        ("/version/abc", 400, "too short"),
        ("/version/" + "0" * 64, 404, "no version starting with"),
        ("/problem/nobody", 404, "There is no problem 'nobody'. Known: umbrellas, ice_cream."),
        ("/problem/nobody/models", 404, "Known: umbrellas, ice_cream."),
        ("/asset/umbrellas/nothing", 404, "Known:"),
        ("/asset/umbrellas/", 400, "empty part"),
        ("/elsewhere", 404, "There is no page '/elsewhere'"),
        ("/version/", 404, "There is no page"),
    ],
)
def test_what_there_is_not_is_told_in_the_same_layout(get, address, status, said):
    reply = get(address)

    assert reply.status == status
    assert said in reply.page.words and "/" in reply.page.links


def test_a_prefix_of_several_versions_names_them(own):
    manifest = own.manifest(key_of(own, "umbrellas/model"))
    seen: dict[str, str] = {}
    for n in range(100_000):
        changed = dataclasses.replace(manifest, notes={"n": n})
        prefix = changed.key.version[:4]
        if prefix in seen:
            break
        seen[prefix] = str(n)
    own.commit(changed)
    own.commit(dataclasses.replace(manifest, notes={"n": int(seen[prefix])}))
    reply = site(own)(f"/version/{prefix}")

    assert reply.status == 400
    assert "2 versions start with" in reply.page.words and changed.key.short in reply.page.words


def test_damage_is_told_by_name_and_logged(own, caplog):
    key = key_of(own, "umbrellas/dataset")
    flip(blob_of(own, key))
    with caplog.at_level(logging.ERROR):
        reply = site(own)(f"/version/{key.version}/file/table.parquet")

    assert reply.status == 500 and "CorruptBlob" in reply.page.words
    assert "CorruptBlob" in caplog.text


def test_a_fault_of_ours_is_raised_for_the_log_and_not_told_to_the_browser():
    reply = site(open_store("memory://faulty"), problems=[None])("/")

    assert isinstance(reply.raised, AttributeError)
    assert reply.status == 500 and "The log of `ml-assets view` says why" in reply.page.words
    assert "NoneType" not in reply.text and "Traceback" not in reply.text
