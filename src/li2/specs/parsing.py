"""The small languages inside a specification's values: schedules and activations."""

import math
import re
from dataclasses import dataclass

from li2.errors import Li2Error


@dataclass(frozen=True)
class LearningRateSchedule:
    """The factor on the learning rate at each step: ``constant``, ``cosine``, ``cosine:T``, ``step:S:G``.

    Attributes:
        kind: constant, cosine or step.
        period: T of cosine (steps until the rate is 0; None: the run's epochs) or S of step.
        decay: G, the factor applied every S epochs.
    """

    kind: str
    period: int | None = None
    decay: float = 1.0

    @classmethod
    def parse(cls, text: str) -> "LearningRateSchedule":
        """The schedule that a text names; raises Li2Error."""
        if text in ("constant", "cosine"):
            return cls(text)
        if match := re.fullmatch(r"cosine:([1-9]\d*)", text):
            return cls("cosine", int(match[1]))
        match = re.fullmatch(r"step:([1-9]\d*):(\d*\.?\d+(?:e-?\d+)?)", text)
        if match and 0 < float(match[2]) <= 1:
            return cls("step", int(match[1]), float(match[2]))
        raise Li2Error(
            f"schedule={text!r} is not known; write constant, cosine (to 0 at the last epoch), "
            "cosine:T (to 0 at epoch T) or step:S:G (times G, at most 1, every S epochs)."
        )

    def factor(self, step: int, epochs: int) -> float:
        """The factor on the learning rate at a step, counted from 0, in a run of so many epochs."""
        if self.kind == "cosine":
            progress = min(step / max(self.period or epochs, 1), 1.0)
            return 0.5 * (1.0 + math.cos(math.pi * progress))
        if self.kind == "step":
            assert self.period is not None
            return self.decay ** (step // self.period)
        return 1.0


@dataclass(frozen=True)
class DiagnosisSchedule:
    """The epochs at which a run is diagnosed: ``auto``, ``off``, ``every:N``, ``log:N``, ``at:E.E.E``.

    ``auto`` has 8 epochs a decade (all of the first four), with the costly figures, of n × n and K × K Gram
    matrices, at epochs 0, 178, 562, 1778 and so on, 2 a decade. The other forms compute all figures at each of
    their epochs. A run's last epoch is always diagnosed in full, unless the schedule is ``off``.
    A schedule does not depend on a run's length, so that extending a run changes nothing before.
    """

    kind: str
    number: int = 0
    epochs: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "DiagnosisSchedule":
        """The schedule that a text names; raises Li2Error."""
        if text in ("auto", "off"):
            return cls(text)
        if match := re.fullmatch(r"(every|log):([1-9]\d*)", text):
            return cls(match[1], int(match[2]))
        if match := re.fullmatch(r"at:(\d+(?:\.\d+)*)", text):
            return cls("at", epochs=frozenset(int(part) for part in match[1].split(".")))
        raise Li2Error(
            f"diagnose={text!r} is not known; write auto, off, every:N (epochs), log:N (epochs a decade) "
            "or at:E.E.E (these epochs, as in at:0.25.400)."
        )

    def is_due(self, epoch: int, last: int) -> bool:
        """Whether an epoch of a run that ends at epoch ``last`` is diagnosed."""
        if self.kind == "off":
            return False
        if self.kind == "auto":
            return epoch in (0, last) or _on_log_grid(epoch, 8)
        return self.gram_is_due(epoch, last)

    def gram_is_due(self, epoch: int, last: int) -> bool:
        """Whether the figures that need Gram matrices are computed at this epoch, too."""
        if self.kind == "off":
            return False
        if epoch == last:
            return True
        if self.kind == "every":
            return epoch % self.number == 0
        if self.kind == "at":
            return epoch in self.epochs
        if self.kind == "auto":
            return epoch == 0 or (epoch >= 178 and _on_log_grid(epoch, 2, 0.25))
        return epoch == 0 or _on_log_grid(epoch, self.number)


def _on_log_grid(epoch: int, per_decade: int, offset: float = 0.0) -> bool:
    """Whether an epoch is the rounding of 10^(offset + i/per_decade) for some whole i ≥ 0."""
    if epoch < 1:
        return False
    nearest = round(per_decade * (math.log10(epoch) - offset))
    return any(round(10 ** (offset + i / per_decade)) == epoch for i in (nearest - 1, nearest, nearest + 1))


ACTIVATIONS = ("square", "cube", "relu", "silu", "relu2", "tanh", "sigmoid")


def parse_activation(text: str) -> tuple[str, float, float]:
    """(name, a, b): a named activation, or ('polynomial', a, b) for a·x + b·x².

    Raises:
        Li2Error: if the text is neither.
    """
    plain = text.lower().replace(" ", "").replace("·", "*").replace("^", "**")
    plain = plain.replace("²", "**2").replace("³", "**3")
    name = {"relu**2": "relu2", "x**3": "cube"}.get(plain, plain)
    if name in ACTIVATIONS:
        return name, 0.0, 0.0
    number = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
    term = re.compile(rf"([+-]?)(?:({number})\*?)?x(\*\*2)?")
    coefficients = {1: 0.0, 2: 0.0}
    position = 0
    while position < len(plain) and (match := term.match(plain, position)):
        if position and not match[1]:
            break
        value = float(match[2] or 1) * (-1 if match[1] == "-" else 1)
        coefficients[2 if match[3] else 1] += value
        position = match.end()
    if position != len(plain) or not plain or not any(coefficients.values()):
        raise Li2Error(
            f"activation={text!r} is not known; write {', '.join(ACTIVATIONS)}, "
            "or a polynomial a*x+b*x**2 with numbers for a and b."
        )
    return "polynomial", coefficients[1], coefficients[2]
