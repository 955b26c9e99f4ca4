"""What a search tries, by Optuna's tree-structured Parzen estimator, and which parameters mattered in the end.

Rounds follow each other. What a round tries depends on the space, the seed and the results of the rounds before it, and on
nothing else: Optuna's study lives in memory and is built anew from those results. The first trial of all is what is
written in the problem, if the space holds it: a search never ends worse than without it.

Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011); Hutter et al., An Efficient Approach for
Assessing Hyperparameter Importance (2014): fANOVA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.problem import Range, Tuning
from ml_assets.training.tuning.trial import Trial

if TYPE_CHECKING:
    import optuna

SEEDS = 2**32  # that NumPy's generator takes
DIGITS = 6  # of an importance


def rounds(tuning: Tuning) -> list[range]:
    """The numbers of the trials of each round."""
    return [
        range(first, min(first + tuning.parallel, tuning.trials)) for first in range(0, tuning.trials, tuning.parallel)
    ]


def suggest(
    tuning: Tuning,
    written: Mapping[str, Any],
    earlier: Sequence[Trial],
    count: int,
    *,
    seed: int,
    higher_is_better: bool,
) -> list[dict[str, Any]]:
    """What the trials of the next round try: a value for each parameter of the space.

    Args:
        written: the problem's own values of the parameters.
        earlier: all trials of the rounds before, in order.
    """
    import optuna

    sampler = optuna.samplers.TPESampler(seed=(seed + len(earlier)) % SEEDS)
    study = _study(tuning, earlier, higher_is_better=higher_is_better, sampler=sampler)
    if not earlier and _holds(tuning, written):
        study.enqueue_trial(dict(written))
    asked = [study.ask(_distributions(tuning)) for _ in range(count)]
    return [dict(sorted(one.params.items())) for one in asked]


def importance(tuning: Tuning, trials: Sequence[Trial], *, higher_is_better: bool) -> dict[str, float]:
    """How much of the scores' spread each parameter explains, largest first; they add up to 1. Empty if that is unknown."""
    import optuna

    scores = {trial.result.score for trial in trials if trial.result.score is not None}
    if len(scores) < 2:
        return {}
    study = _study(tuning, trials, higher_is_better=higher_is_better)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    rounded = {name: round(float(share), DIGITS) for name, share in found.items()}
    return dict(sorted(rounded.items(), key=lambda item: (-item[1], item[0])))


def _study(
    tuning: Tuning,
    trials: Sequence[Trial],
    *,
    higher_is_better: bool,
    sampler: optuna.samplers.BaseSampler | None = None,
) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # each trial is reported where it is made
    study = optuna.create_study(direction="maximize" if higher_is_better else "minimize", sampler=sampler)
    distributions = _distributions(tuning)
    states = {
        "completed": optuna.trial.TrialState.COMPLETE,
        "pruned": optuna.trial.TrialState.PRUNED,
        "failed": optuna.trial.TrialState.FAIL,
    }
    for trial in trials:
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(trial.params),
                distributions=distributions,
                value=trial.result.score,
                state=states[trial.result.state],
            )
        )
    return study


def _distributions(tuning: Tuning) -> dict[str, optuna.distributions.BaseDistribution]:
    return {name: _distribution(tuning.space[name]) for name in sorted(tuning.space)}


def _distribution(choices: Range | tuple[Any, ...]) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(choices, Range):
        return CategoricalDistribution(choices)
    if choices.is_whole:
        return IntDistribution(int(choices.low), int(choices.high), log=choices.log)
    return FloatDistribution(choices.low, choices.high, log=choices.log)


def _holds(tuning: Tuning, written: Mapping[str, Any]) -> bool:
    return all(
        choices.low <= written[name] <= choices.high if isinstance(choices, Range) else written[name] in choices
        for name, choices in tuning.space.items()
    )
