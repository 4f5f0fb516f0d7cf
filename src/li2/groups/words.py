"""Numbers of group theory as people write them."""

DIGITS = 3
"""After the point."""


def character_text(value: complex) -> str:
    """A character value: ``2``, ``−1``, ``i``, ``0.618``, ``−0.5+0.866i``."""
    real, imaginary = round(value.real, DIGITS), round(value.imag, DIGITS)
    if not imaginary:
        return _number(real)
    unit = {1.0: "i", -1.0: "−i"}.get(imaginary, f"{_number(imaginary)}i")
    if not real:
        return unit
    return f"{_number(real)}{'' if imaginary < 0 else '+'}{unit}"


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−") if value else "0"
