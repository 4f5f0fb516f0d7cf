"""Whether a run has become what it was to be trained to, so that it may end early: rules on its metrics so far."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from li2.models import named_loss
from li2.specs import RunSpec

EARLIEST = 1 / 3
"""Share of a run's epochs before which nothing is foreseen."""

LOOK_BACK = 0.8
"""The speed at which the test loss falls is that between this share of the epochs done and now."""

ACCELERATION = 4.0
"""How many times faster than now the test loss may fall on average until the last epoch, at most."""

LOSS_TO_REACH = 0.6
"""Test loss, in units of a zero output's, above which no run was seen to have a test accuracy of 0.99."""


def is_decided(spec: RunSpec, metrics: Sequence[Mapping[str, float]], zero_loss: float) -> bool:
    """Whether a run may end before its last epoch, by its specification's ``stop``.

    - ``never``: no.
    - ``generalised``: once the test accuracy has reached the accuracy threshold.
    - ``decided``: then, too; and, for a squared loss, once at least a third of the epochs is done and the test loss is
      so high that falling 4 times as fast as in the last fifth would not bring it below 0.6 of a zero output's by
      the last epoch. ``docs/sweeps.md`` says how often this was wrong.

    Args:
        spec: the run.
        metrics: a row per measured epoch so far, at least one.
        zero_loss: the loss of a network whose output is zero.
    """
    if spec.stop == "never":
        return False
    now = metrics[-1]
    if now["test_accuracy"] >= spec.accuracy_threshold:
        return True
    if spec.stop != "decided" or not named_loss(spec.loss).has_ridge or now["epoch"] < EARLIEST * spec.epochs:
        return False
    before = metrics[bisect_left(metrics, LOOK_BACK * now["epoch"], key=lambda row: row["epoch"])]
    if before is now:
        return False
    speed = max(0.0, (before["test_loss"] - now["test_loss"]) / (now["epoch"] - before["epoch"]))
    gap = now["test_loss"] - LOSS_TO_REACH * zero_loss
    return bool(gap > ACCELERATION * speed * (spec.epochs - now["epoch"]))
