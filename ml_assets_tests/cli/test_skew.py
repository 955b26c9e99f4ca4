"""`ml-assets skew`: what it says, and how it ends."""

from __future__ import annotations

from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.serving.test_skew import features_again, neighbourly


def test_what_is_equal_is_said_and_is_code_0(shared, call):
    answer = call("skew", "umbrellas", "--alone", "--tolerance", "1e-12")

    assert (answer.code, answer.out.count("equal, bit for bit")) == (0, 5)
    assert answer.out.startswith("umbrellas [2024-03], answered by umbrellas/model@2024-")
    assert call("skew", "umbrellas", "--partition", "2024-01", "--json").json[0]["partition"] == "2024-01"


def test_a_difference_is_code_1_and_names_the_feature(shared, call, monkeypatch):
    def edited(history, data):
        return umbrellas.features(history, data).assign(above_usual=data["clouds"])

    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (umbrellas.with_features(edited),))
    answer = call("skew", "umbrellas")

    assert answer.code == 1
    assert "differ: above_usual, prediction" in answer.out
    said = call("skew", "umbrellas", "--json")
    assert (said.code, said.json[0]["columns"], said.json[0]["equal"]) == (1, ["above_usual", "prediction"], False)


def test_what_needs_other_rows_is_code_1_only_where_it_is_asked(own, call, monkeypatch):
    problem = umbrellas.with_features(neighbourly)
    features_again(own, problem)
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (problem,))

    answer = call("skew", "umbrellas")
    assert answer.code == 0
    assert "another one without the other rows of the partition: above_usual. Send those along." in answer.out
    assert call("skew", "umbrellas", "--alone").code == 1


def test_what_cannot_be_compared_is_code_3(shared, refused):
    assert "does not answer" in refused(3, "skew", "umbrellas", "--url", "http://127.0.0.1:1")
    assert "has no features of 2024-06" in refused(3, "skew", "umbrellas", "--partition", "2024-06")
    assert "is no address of a server" in refused(2, "skew", "umbrellas", "--url", "file:///etc")
    assert "There is no problem 'rain'" in refused(2, "skew", "rain")
