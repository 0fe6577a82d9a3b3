"""Prices as decimal text: the provider's own digits, in one plain notation, without the noise of float32.

Yahoo computes in float32 and sends the value widened to float64: 166.69 arrives as 166.69000244140625. The shortest
decimal that is that float32 again is what the exchange said.
"""

import re
import struct
from collections.abc import Callable
from decimal import Decimal

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_MAGNITUDE = 40  # no price has more digits; 1e999 written out would be a thousand
_FLOAT32 = struct.Struct("<f")


def plain(value: Decimal | str | int | float) -> str:
    """The number in plain notation: no exponent, no trailing zeros after the point, ``0`` for every zero.

    ``"65000.10000000"`` gives ``"65000.1"``, ``"1.23e-6"`` gives ``"0.00000123"``. Raises ValueError for what is
    not a finite decimal number of at most 40 digits to either side of the point.
    """
    text = repr(value) if isinstance(value, float) else str(value)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:50]!r} is not a decimal number")
    number = Decimal(text)
    if not number:
        return "0"
    if abs(number.adjusted()) > _MAGNITUDE:
        raise ValueError(f"{text[:50]!r} is out of every price's range")
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def denoised(value: Decimal | str | int | float) -> str:
    """``plain``, and float32 noise removed: ``166.69000244140625`` gives ``"166.69"``.

    Only what is exactly a float32 and longer than a float32 can mean (9 digits) is shortened; 1.0823123456 stays.
    Raises ValueError as ``plain`` does.
    """
    text = plain(value)
    digits = text.lstrip("-0.").replace(".", "")
    if "." not in text or len(digits) <= 9:
        return text
    number = float(text)
    return plain(shortest32(number)) if float32(number) == number else text


def float32(value: float) -> float:
    """The float32 nearest to ``value``, as a float64. Raises OverflowError above 3.4e38."""
    return float(_FLOAT32.unpack(_FLOAT32.pack(value))[0])


def shortest32(value: float) -> float:
    """The shortest decimal that reads back as the same float32; ``value`` itself if it is not a float32.

    Where two are equally short and near (2756463.25 between .2 and .3) it is ``value`` itself: so DuckDB prints a
    FLOAT (400,000 of 400,000 compared), and the same row must read the same from the store and from the provider.
    """
    if float32(value) != value:
        return value
    best = shortest(value, lambda decimal: float32(decimal) == value)
    if best != value and float(f"{value:.10g}") == value:
        digits = len(f"{best:.8e}".partition("e")[0].replace(".", "").strip("-0"))
        tied = f"{value:.{digits}e}"
        if float(tied) == value and tied.partition("e")[0].endswith("5"):
            return value
    return best


def shortest(centre: float, fits: Callable[[float], bool]) -> float:
    """The decimal with the fewest digits near ``centre`` that ``fits``.

    Made for the rounding interval of a float32, where 9 digits always fit; with more digits the nearest decimal
    only comes closer, so the search starts at 6, where most prices are, and goes one way.
    """
    best = float(f"{centre:.6g}")
    if fits(best):
        for digits in (5, 4, 3, 2, 1):
            shorter = float(f"{centre:.{digits}g}")
            if shorter != best and not fits(shorter):
                break
            best = shorter
        return best
    for digits in (7, 8):
        longer = float(f"{centre:.{digits}g}")
        if fits(longer):
            return longer
    return float(f"{centre:.9g}")
