from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from ml_assets.lineage.drawing import compact_svg, mermaid, svg
from ml_assets.lineage.lineage import lineage
from ml_assets.lineage.picture import picture
from ml_assets.store import Check, Input, Manifest, open_store

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert(1)</script>\"'&`\x07%%\n"


def texts(drawn: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


@pytest.fixture
def evil(tmp_path):
    """A version that failed a check, made from one whose name is an attack."""
    store = open_store(str(tmp_path))
    content = store.put({"a": 1})
    read = store.commit(Manifest(f"toy/{EVIL[:12]}", EVIL, content))
    checks = (Check("volume", False, True, "too small"),)
    made = Manifest("toy/model", EVIL, content, inputs=(Input(EVIL, read, content.digest),), checks=checks)
    return store, store.commit(made)


def test_the_picture_says_which_versions_it_shows(shared):
    model = shared.head("umbrellas/model", "2024-02").target
    seen = picture(shared, model)
    root = ElementTree.fromstring(svg(seen, "Lineage of a model"))

    assert root.attrib["aria-label"] == "Lineage of a model"
    assert [title.text.split(" (")[0] for title in root.iter(f"{SVG}title")] == [str(box.key) for box in seen.boxes]
    assert f"2024-02 · {model.version[:6]}" in texts(svg(seen, ""))


def test_a_picture_in_a_page_has_the_pages_style_and_links_and_one_alone_has_its_own(shared):
    seen = picture(shared, shared.head("umbrellas/model", "2024-02").target)
    alone, linked = svg(seen, "it"), svg(seen, "it", link=lambda key: f"/version/{key.version}?a=1&b=2")

    assert "<style>" in alone and "href" not in alone
    assert "style" not in linked and linked.count("?a=1&amp;b=2") == len(seen.boxes)


@pytest.mark.parametrize("draw", [compact_svg, lambda seen: svg(seen, EVIL), lambda seen: svg(seen, EVIL, link=str)])
def test_whatever_names_hold_the_picture_is_whole_and_they_are_text(evil, draw):
    drawn = draw(picture(*evil))

    assert {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(drawn).iter()}.isdisjoint({"script"})
    assert any(text.startswith("<script>") for text in texts(drawn))


def test_a_refused_version_and_the_one_asked_for_look_different(evil):
    store, key = evil
    drawn = svg(picture(store, key), "it")

    assert drawn.count('class="box root refused"') == 1 and drawn.count('class="box"') == 1
    assert f"{key} (this version) (refused by a check)".replace("\x07", "\ufffd").replace("\n", "\ufffd") in [
        title.text for title in ElementTree.fromstring(drawn).iter(f"{SVG}title")
    ]


def test_the_compact_picture_has_the_same_boxes_and_lines_in_fewer_bytes(shared):
    seen = picture(shared, shared.head("umbrellas/champion", "2024-03").target)
    small = compact_svg(seen)

    assert texts(small) == [box.title for box in seen.boxes] + [box.subtitle for box in seen.boxes]
    assert small.count("C") >= len(seen.edges)
    assert len(small) < 0.7 * len(svg(seen, "it"))


def test_mermaid_names_every_version_and_every_edge(shared):
    found = lineage(shared, shared.head("umbrellas/model", "2024-02").target)
    lines = mermaid(found.picture).splitlines()
    boxes = {line.split('["')[0].strip(): line for line in lines if '["' in line}

    assert lines[0] == "flowchart LR"
    assert len(boxes) == len(found.nodes)
    drawn = {tuple(line.strip().split(" --> ")) for line in lines if " --> " in line}
    assert len(drawn) == len({(edge.read, edge.made) for edge in found.edges})
    assert {end for ends in drawn for end in ends} <= set(boxes)
    assert f'["model<br/>2024-02 · {found.key.version[:6]}"]' in boxes[_marked(lines)]


def test_mermaid_writes_what_could_mean_something_as_its_number(evil):
    drawn = mermaid(picture(*evil))
    labels = re.findall(r'\["(.*)"\]', drawn)

    assert len(labels) == 2
    assert all(not re.search(r"[<>\"'`&%\n\x07]", label.replace("<br/>", "")) for label in labels)
    assert "#60;script#62;" in drawn


def _marked(lines: list[str]) -> str:
    (mark,) = [line for line in lines if "stroke-width:3px" in line]
    return mark.split()[1]
