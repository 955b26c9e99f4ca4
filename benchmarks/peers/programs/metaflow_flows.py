"""Metaflow: each step a process of its own, what it keeps in ``self`` pickled into the local datastore.

It does not remember what was computed before: a second run computes all again. (`resume` continues a run that failed.)
Which flow of this file is meant, FLOW says: Metaflow starts the file again for every step.
"""

import os

import steps
from metaflow import FlowSpec, Parameter, step


class Six(FlowSpec):
    rate = Parameter("rate", type=float, default=steps.RATE)

    @step
    def start(self):
        self.raw = steps.load(f"landed/{steps.MONTH}.parquet")
        self.next(self.clean)

    @step
    def clean(self):
        self.data = steps.clean(self.raw)
        self.next(self.features)

    @step
    def features(self):
        self.table = steps.features(self.data)
        self.next(self.split)

    @step
    def split(self):
        self.parts = steps.split(self.data, self.table)
        self.next(self.train)

    @step
    def train(self):
        self.model = steps.train(self.parts, self.rate)
        self.next(self.end)

    @step
    def end(self):
        self.metric = steps.evaluate(self.model, self.parts)
        steps.answer(self.metric)


class ChainOf1(FlowSpec):
    @step
    def start(self):
        self.number = steps.trivial(0)
        self.next(self.end)

    @step
    def end(self):
        steps.answer(self.number)


class ChainOf6(FlowSpec):
    @step
    def start(self):
        self.number = steps.trivial(0)
        self.next(self.second)

    @step
    def second(self):
        self.number = steps.trivial(self.number)
        self.next(self.third)

    @step
    def third(self):
        self.number = steps.trivial(self.number)
        self.next(self.fourth)

    @step
    def fourth(self):
        self.number = steps.trivial(self.number)
        self.next(self.fifth)

    @step
    def fifth(self):
        self.number = steps.trivial(self.number)
        self.next(self.sixth)

    @step
    def sixth(self):
        self.number = steps.trivial(self.number)
        self.next(self.end)

    @step
    def end(self):
        steps.answer(self.number)


class Prepare(FlowSpec):
    @step
    def start(self):
        self.parts = {}
        for month in steps.MONTHS:
            data = steps.clean(steps.load(f"landed/{month}.parquet"))
            self.parts[month] = steps.split(data, steps.features(data))
        self.next(self.end)

    @step
    def end(self):
        import pickle
        from pathlib import Path

        for month, parts in self.parts.items():
            Path(f"{month}.pickle").write_bytes(pickle.dumps(parts))


class Fan(FlowSpec):
    @step
    def start(self):
        self.months = list(steps.MONTHS)
        self.next(self.train, foreach="months")

    @step
    def train(self):
        import pickle
        from pathlib import Path

        self.model = steps.train(pickle.loads(Path(f"{self.input}.pickle").read_bytes()), steps.RATE)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.scores = [float(made.model.validation_score_[-1]) for made in inputs]
        self.next(self.end)

    @step
    def end(self):
        steps.answer(self.scores)


class Frame(FlowSpec):
    megabytes = Parameter("megabytes", type=int)

    @step
    def start(self):
        self.table = steps.frame(self.megabytes)
        self.next(self.end)

    @step
    def end(self):
        steps.answer(steps.looked_at(self.table))


if __name__ == "__main__":
    {flow.__name__: flow for flow in (Six, ChainOf1, ChainOf6, Prepare, Fan, Frame)}[os.environ["FLOW"]]()
