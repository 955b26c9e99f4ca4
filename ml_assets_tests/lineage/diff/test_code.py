from __future__ import annotations

from ml_assets.lineage.diff.code import code_diff

OLD = {
    "m:features": "def features(data):\n    x = data['x']\n    return x * 2",
    "m:HALF": "HALF = 0.5",
    "m:gone": "def gone():\n    pass",
}


def test_a_changed_part_is_shown_as_a_readable_diff():
    new = {**OLD, "m:features": "def features(data):\n    x = data['x']\n    return x * 3"}
    (part,) = code_diff(OLD, new).changed
    assert part.name == "m:features"
    assert part.lines == (
        "@@ -1,3 +1,3 @@",
        " def features(data):",
        "     x = data['x']",
        "-    return x * 2",
        "+    return x * 3",
    )


def test_parts_that_only_one_version_has_are_named():
    new = {name: text for name, text in OLD.items() if name != "m:gone"} | {"m:b": "B = 1", "m:a": "A = 1"}
    found = code_diff(OLD, new)
    assert (found.changed, found.removed, found.added) == ((), ("m:gone",), ("m:a", "m:b"))
