"""What somebody probably meant who typed a symbol that is not there."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from pricectl.catalogue.symbols import folded
from pricectl.model.asset import Asset

_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST = 24  # of a longer word every slip is not worth trying
Index = dict[str, list[str]]


class Near:
    """Suggestions out of ``assets``. Made in some 15 ms, then well under 1 ms each: a batch of a thousand wrong symbols
    must not take ten seconds, which comparing each with every asset does (measured)."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._spellings: Index = {}
        self._codes: Index = {}
        self._names: Index = {}
        for asset in assets:
            for index, text in (
                (self._spellings, asset.symbol),
                (self._spellings, asset.provider_id),
                (self._codes, asset.code),
                (self._names, asset.name),
            ):
                index.setdefault(_letters(text), []).append(asset.symbol)
        self._sorted_names = sorted(self._names)

    def to(self, asked: str, limit: int = 3) -> list[str]:
        """The symbols that ``asked`` probably meant, shortest first.

        The same letters and digits (``BRK-B`` -> ``BRK.B``), a provider's own spelling (``JPY=X`` -> ``USDJPY``), a
        code without its exchange (``OCDO`` -> ``OCDO.L``), a name or its beginning (``bitcoin`` -> ``BTC``), one slip
        of the keys: the first of these that gives any.
        """
        wanted = _letters(asked)
        found = next(filter(None, self._by_likelihood(wanted)), []) if wanted else []
        return sorted(dict.fromkeys(found), key=lambda symbol: (len(symbol), symbol))[:limit]

    def _by_likelihood(self, wanted: str) -> Iterator[list[str]]:
        for index in (self._spellings, self._codes, self._names):
            yield index.get(wanted, [])
        if len(wanted) > 3:
            yield self._beginning(wanted)
        if 2 < len(wanted) <= _LONGEST:
            yield [symbol for slip in slips(wanted) for symbol in self._spellings.get(slip, [])]
        if 4 < len(wanted) <= _LONGEST:
            yield [symbol for slip in slips(wanted) for symbol in self._names.get(slip, [])]

    def _beginning(self, wanted: str) -> list[str]:
        found: list[str] = []
        for name in self._sorted_names[bisect_left(self._sorted_names, wanted) :]:
            if not name.startswith(wanted):
                break
            found += self._names[name]
        return found


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, folded(text)))


def slips(word: str) -> Iterator[str]:
    """Every word from which one slip of the keys makes ``word``: one changed, added, left out, two swapped."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
            if len(tail) > 1:
                yield head + tail[1] + tail[0] + tail[2:]
        for key in _KEYS:
            yield head + key + tail
            if tail:
                yield head + key + tail[1:]
