"""An answer as it arrived, and the one strict JSON reader of the project."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pricectl.errors import BadPayload

if TYPE_CHECKING:
    from decimal import Decimal

SHOWN = 200  # characters of an answer that an error message repeats
INTEGER_DIGITS = 30
EXPONENT = 300  # of a number; beyond it float() says inf or 0 where the provider said neither


class Reply(NamedTuple):
    """A whole, decoded answer. Header names are lower-case.

    ``server_ms`` is the provider's clock (its Date header, whole seconds; our clock if there is none) and
    ``received_ms`` ours, both milliseconds since the epoch, UTC.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    server_ms: int
    received_ms: int

    def json(self, constants: str = "refuse") -> Any:
        """The body as JSON: integers as int, other numbers as Decimal with the provider's digits.

        Strict: UTF-8 only, no NaN or Infinity (``constants="null"`` reads them as None), no key twice, no lone
        surrogates, no number beyond 30 digits or 1e300. Raises BadPayload with the first 200 characters.
        """
        return loads(self.body, constants)


def loads(body: bytes, constants: str = "refuse") -> Any:
    """The strict JSON reader behind ``Reply.json``."""
    import json

    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refused if constants == "refuse" else _nothing,
            object_pairs_hook=_object,
        )
        if "\\ud" in text or "\\uD" in text:  # only an escape can smuggle a lone surrogate past UTF-8
            json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"the answer is not valid JSON ({_reason(error)}): {sample(body)}") from error
    return value


def sample(body: bytes) -> str:
    """The beginning of an answer, safe to show: no control characters, at most 200 characters."""
    text = body[: 4 * SHOWN].decode("utf-8", "replace")
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (shown[: SHOWN - 1] + "…" if len(shown) > SHOWN else shown) or "it is empty"


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeError):
        return "not UTF-8"
    return str(getattr(error, "msg", error))[:SHOWN]


def _decimal(text: str) -> "Decimal":
    from decimal import Decimal, InvalidOperation

    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number out of range") from None
    if len(text) > INTEGER_DIGITS * 2 or abs(number.adjusted()) > EXPONENT:
        raise ValueError("a number out of range")
    return number


def _integer(text: str) -> int:
    if len(text) > INTEGER_DIGITS:
        raise ValueError("a number out of range")
    return int(text)


def _refused(token: str) -> None:
    raise ValueError(f"{token} is not a number")


def _nothing(_: str) -> None:
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found
