"""Polynomial expressions modulo p, parsed into a tree of whitelisted nodes and never evaluated as code."""

import ast
import re
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error

Values = NDArray[np.int64]
Polynomial = Callable[[Mapping[str, Values]], Values]

MAX_EXPONENT = 10**6
MAX_LENGTH = 1000


def parse_expression(text: str, variables: tuple[str, ...]) -> tuple[Polynomial, int]:
    """A polynomial with whole coefficients and its modulus, from ``x**2+x*y+y**2 mod 97``.

    Allowed are +, -, *, powers with a whole exponent (``**``, ``^``, ``²``), brackets, whole numbers
    and the variables.

    Returns:
        (function, p): the function maps arrays of the variables' values to the polynomial's values in 0 … p−1.

    Raises:
        Li2Error: if the text is not such an expression.
    """
    match = re.fullmatch(r"(.+?)\s+mod\s+(\d+)\s*", text)
    if not match or len(match[2]) > 18 or int(match[2]) < 2:
        raise Li2Error(
            f"expression {text!r} has no modulus from 2 to 10^18; write POLYNOMIAL mod P, as in x**2+x*y+y**2 mod 97."
        )
    modulus = int(match[2])
    source = match[1].strip().replace("^", "**").replace("²", "**2").replace("³", "**3").replace("·", "*")
    if len(source) > MAX_LENGTH:
        raise Li2Error(f"the expression has {len(source)} characters; at most {MAX_LENGTH} are allowed.")
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Li2Error(
            f"expression {match[1]!r} cannot be read as a polynomial; check its brackets and operators "
            "(a product needs its *)."
        ) from None
    function = _compile(tree, modulus, variables)
    return function, modulus


def _compile(node: ast.expr, p: int, variables: tuple[str, ...]) -> Polynomial:
    match node:
        case ast.Constant(value=int(number)) if type(number) is int:
            constant = np.int64(number % p)
            return lambda _: np.asarray(constant)
        case ast.Name(id=name) if name in variables:
            return lambda values: values[name] % p
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _compile(operand, p, variables)
            return lambda values: -inner(values) % p
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(exponent))) if type(exponent) is int:
            if not 0 <= exponent <= MAX_EXPONENT:
                raise Li2Error(f"exponent {exponent} is too large; at most {MAX_EXPONENT} is allowed.")
            base = _compile(left, p, variables)
            return lambda values: _power(base(values), exponent, p)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            a, b = _compile(left, p, variables), _compile(right, p, variables)
            return lambda values: (a(values) + b(values)) % p
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            a, b = _compile(left, p, variables), _compile(right, p, variables)
            return lambda values: (a(values) - b(values)) % p
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            a, b = _compile(left, p, variables), _compile(right, p, variables)
            return lambda values: a(values) * b(values) % p
    raise Li2Error(
        f"{ast.unparse(node)!r} is not allowed in an expression; use whole numbers, "
        f"{', '.join(variables)}, +, -, *, brackets and whole powers."
    )


def _power(base: Values, exponent: int, p: int) -> Values:
    """base**exponent mod p by repeated squaring."""
    result = np.ones_like(base) % p
    while exponent:
        if exponent & 1:
            result = result * base % p
        base = base * base % p
        exponent >>= 1
    return result
