"""Prometheus reads what was counted, of all workers together."""

from __future__ import annotations

import re

from ml_assets.serving.metrics import Metrics, Shared

LINE = re.compile(
    r'[a-z_]+(\{[a-z]+="(?:[^"\\]|\\.)*"(,[a-z]+="(?:[^"\\]|\\.)*")*\})? (\d|\.|e|[+-])+|# (HELP|TYPE) .+'
)


def test_the_text_is_that_of_prometheus_and_buckets_add_up():
    metrics = Metrics()
    for seconds in (0.0005, 0.004, 99.0):
        metrics.observe("request_seconds", seconds, route="predict")
    metrics.add("requests", route="predict", model='a"b\\c\n', status="200")
    metrics.set("model", 1, model="m", version="v1")
    metrics.forget("model", model="m")
    metrics.set("model", 1, model="m", version="v2")
    text = Shared(metrics).text()

    assert all(LINE.fullmatch(line) for line in text.splitlines())
    buckets = re.findall(r'seconds_bucket\{route="predict",le="([\d.+a-zA-Z]+)"\} (\d+)', text)
    assert dict(buckets)["0.001"] == "1" and dict(buckets)["0.005"] == "2" and dict(buckets)["+Inf"] == "3"
    assert 'seconds_count{route="predict"} 3' in text and "v1" not in text
    assert 'model="a\\"b\\\\c\\n"' in text


def test_several_processes_tell_their_sum_and_one_that_is_started_again_goes_on(tmp_path):
    workers = [Shared(Metrics(), tmp_path, number) for number in range(2)]
    for worker in workers:
        worker.metrics.add("rows", 2, model="m", version="v")
        worker.metrics.observe("request_seconds", 0.5, route="predict")
        worker.metrics.set("waiting", 3)
        worker.metrics.set("model", 1, model="m", version="v")
        worker.leave()
    again = Shared(Metrics(), tmp_path, 1)
    again.take_up()
    again.metrics.add("rows", 1, model="m", version="v")

    for text in (workers[0].text(), workers[1].text()):
        assert 'rows_total{model="m",version="v"} 4' in text and "serving_waiting 6" in text
        assert 'seconds_count{route="predict"} 2' in text and 'serving_model{model="m",version="v"} 1' in text
    assert 'rows_total{model="m",version="v"} 5' in again.text() and "serving_waiting 3" in again.text()
    assert 'seconds_count{route="predict"} 2' in again.text()


def test_what_was_told_once_outlives_the_process_that_told_it(tmp_path):
    killed = Shared(Metrics(), tmp_path, 0)
    killed.metrics.add("rows", 2, model="m", version="v")
    assert 'rows_total{model="m",version="v"} 2' in killed.text()  # and it leaves nothing behind but that

    assert 'rows_total{model="m",version="v"} 2' in Shared(Metrics(), tmp_path, 1).text()
