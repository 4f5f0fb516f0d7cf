"""Several values in one text: lists with commas, and the functions range, linspace, geomspace and primes.

Items are separated by commas outside brackets. A function stands at the end of an item and may follow a prefix:
``cyclic:primes(11,71)`` is cyclic:11, cyclic:13, …, cyclic:71. An item in quotes, ``"file:a,b.csv"``, is taken as it
is. Nothing is evaluated as code.
"""

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from li2.errors import Li2Error
from li2.specs.names import unknown_name

MOST_VALUES = 1_000_000
"""Of a list."""

LARGEST_PRIME = 10_000_000
"""Up to which primes are looked for."""

FORMS = "range(a,b), range(a,b,step), linspace(a,b,n), geomspace(a,b,n) and primes(a,b)"

_CALL = re.compile(r"(?P<prefix>|.*[^A-Za-z0-9_])(?P<name>[A-Za-z_][A-Za-z0-9_]*)\((?P<arguments>[^()]*)\)", re.DOTALL)


def expand(text: str) -> list[str]:
    """The values that a text lists, as texts, in order.

    ``range`` is Python's and leaves its end out; ``linspace`` and ``geomspace`` are NumPy's and have both ends, rounded
    to 12 significant digits so that they are the same on every machine; ``primes(a,b)`` are those from a to b, both
    included.

    Raises:
        Li2Error: one sentence on the first mistake.
    """
    values: list[str] = []
    for item, is_literal in _items(text):
        values += [item] if is_literal else _expanded(item)
        if len(values) > MOST_VALUES:
            raise _too_many(text)
    return values


def quoted(value: str) -> str:
    """A text that :func:`expand` reads as this one value; raises Li2Error if it holds both kinds of quotes."""
    mark = '"' if "'" in value else "'"
    if mark in value:
        raise Li2Error(f"{value!r} holds both kinds of quotes and cannot be written as one value.")
    return f"{mark}{value}{mark}"


def _items(text: str) -> Iterator[tuple[str, bool]]:
    """The items between commas, each with whether it was quoted."""
    position = 0
    while position <= len(text):
        start = position + len(text[position:]) - len(text[position:].lstrip())
        if start < len(text) and text[start] in "\"'":
            end = text.find(text[start], start + 1)
            rest = re.compile(r"\s*(,|$)").match(text, end + 1)
            if end < 0 or not rest:
                raise Li2Error(f"{text!r} has a quote without its end; write \"file:a,b.csv\" or 'file:a,b.csv'.")
            item, is_literal, position = text[start + 1 : end], True, rest.end() + (not rest[1])
        else:
            end = _next_comma(text, position)
            item, is_literal, position = text[position:end].strip(), False, end + 1
        if not item:
            raise Li2Error("there is no value." if not text.strip() else f"{text!r} has an empty value in it.")
        yield item, is_literal


def _next_comma(text: str, start: int) -> int:
    """Where the next comma outside brackets is, or the end."""
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth < 0 or (not depth and text[position] == ","):
            break
    else:
        position = len(text)
    if depth:
        raise Li2Error(f"{text!r} has a bracket without its other half; a value that is so is written in quotes.")
    return position


def _expanded(item: str) -> list[str]:
    """The values of one item: those of the function at its end, after what stands before it, or itself."""
    match = _CALL.fullmatch(item)
    if not match:
        return [item]
    name, arguments = match["name"], [part.strip() for part in match["arguments"].split(",")]
    if name not in _FUNCTIONS:
        raise Li2Error(f"{item!r} holds an {unknown_name('function', name, _FUNCTIONS)}")
    call = f"{name}({match['arguments']})"
    if len(arguments) not in _FUNCTIONS[name][1]:
        raise Li2Error(f"{call} has {len(arguments)} numbers in it; there are {FORMS}.")
    values = _FUNCTIONS[name][0](call, arguments)
    if not values:
        raise Li2Error(f"{call} holds no number.")
    return [match["prefix"] + value for value in values]


def _range(call: str, arguments: list[str]) -> list[str]:
    numbers = [_whole(call, argument) for argument in arguments]
    if len(numbers) == 3 and not numbers[2]:
        raise Li2Error(f"{call} has a step of 0; take another.")
    values = range(*numbers)
    _check_count(call, max(0, math.ceil((values.stop - values.start) / values.step)))
    return [str(value) for value in values]


def _linspace(call: str, arguments: list[str]) -> list[str]:
    a, b, count = _ends_and_count(call, arguments)
    low, high, last = Fraction(repr(a)), Fraction(repr(b)), max(count - 1, 1)
    return [_digits(float((low * (last - i) + high * i) / last)) for i in range(count)]


def _geomspace(call: str, arguments: list[str]) -> list[str]:
    a, b, count = _ends_and_count(call, arguments)
    if a <= 0 or b <= 0:
        raise Li2Error(f"{call} must have ends > 0.")
    low, high, last = math.log(a), math.log(b), max(count - 1, 1)
    inner = [math.exp((low * (last - i) + high * i) / last) for i in range(count)]
    inner[0] = a
    if count > 1:
        inner[-1] = b
    return [_digits(value) for value in inner]


def _primes(call: str, arguments: list[str]) -> list[str]:
    low, high = (_whole(call, argument) for argument in arguments)
    if high > LARGEST_PRIME:
        raise Li2Error(f"{call} goes too far; the largest end is {LARGEST_PRIME}.")
    sieve = bytearray([0, 0]) + bytearray([1]) * max(0, high - 1)
    for number in range(2, math.isqrt(max(high, 0)) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, len(sieve), number)))
    return [str(number) for number in range(max(low, 2), high + 1) if sieve[number]]


_FUNCTIONS: dict[str, tuple[Callable[[str, list[str]], list[str]], tuple[int, ...]]] = {
    "range": (_range, (1, 2, 3)),
    "linspace": (_linspace, (3,)),
    "geomspace": (_geomspace, (3,)),
    "primes": (_primes, (2,)),
}
"""What makes the values of each function, and how many numbers it takes."""


def _ends_and_count(call: str, arguments: list[str]) -> tuple[float, float, int]:
    count = _whole(call, arguments[2])
    _check_count(call, count)
    return _number(call, arguments[0]), _number(call, arguments[1]), count


def _whole(call: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise Li2Error(f"{call}: {text!r} is not a whole number.")
    return int(text)


def _number(call: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Li2Error(f"{call}: {text!r} is not a number.")
    return value


def _check_count(call: str, count: int) -> None:
    if count > MOST_VALUES:
        raise _too_many(call)


def _too_many(text: str) -> Li2Error:
    return Li2Error(f"{text:.60} makes more than {MOST_VALUES:,} values; take fewer.")


def _digits(value: float) -> str:
    """12 significant digits; whole numbers have no point."""
    return f"{value + 0.0:.12g}"
