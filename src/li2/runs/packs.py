"""Training the runs of a pack so that one run's trouble is not the others'."""

from collections.abc import Callable, Mapping

from li2.errors import Li2Error
from li2.runs.execute import train
from li2.runs.interrupt import StopRequest
from li2.runs.member import Member


def train_apart(
    makers: Mapping[str, Callable[[], Member]], add: Callable[[int], None], stop: StopRequest
) -> tuple[dict[str, Member], dict[str, str]]:
    """Train runs side by side, those that are at one epoch; if that fails, each alone.

    Args:
        makers: make the runs, whose networks fit together; by a name for each.
        add: told of epochs that were done.
        stop: asked before each epoch.

    Returns:
        By name, the runs that came to their end or a stop, and the reasons why the others did not.
    """
    made: dict[str, Member] = {}
    reasons: dict[str, str] = {}
    for name, make in makers.items():
        try:
            made[name] = make()
        except (Li2Error, OSError) as error:
            reasons[name] = str(error)
        except Exception as error:  # noqa: BLE001 (whatever it is, the others go on)
            reasons[name] = f"{type(error).__name__}: {error}"
    packs: dict[int, list[str]] = {}
    for name, member in made.items():
        assert member.position is not None
        packs.setdefault(member.position.epoch, []).append(name)
    ended: dict[str, Member] = {}
    for start, names in packs.items():
        add(start * len(names))
        pack = {name: made.pop(name) for name in names}
        try:
            _train(list(pack.values()), start, add, stop)
            ended |= pack
        except Exception as error:  # noqa: BLE001 (whatever it is, the others go on)
            if len(names) == 1:
                reasons[names[0]] = f"{type(error).__name__}: {error}"
                continue
            del pack  # their arrays
            for name in names:
                alone, why = train_apart({name: makers[name]}, lambda epochs: None, stop)
                ended |= alone
                reasons |= why
    return ended, reasons


def _train(pack: list[Member], start: int, add: Callable[[int], None], stop: StopRequest) -> None:
    train(pack, lambda epoch, runs: add(runs if epoch > start else 0), stop)
    if not stop.asked:  # then those that ended early have left epochs out
        add(sum(member.setup.spec.epochs - member.record.metrics[-1]["epoch"] for member in pack))
