"""Reading what was asked of Binance: symbols, numbers, and the refusals with its codes."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pricectl.model.asset import Asset
from pricectl.simulator.market import Market

_SYMBOL = re.compile(r"[\w.\-]{1,20}")
LEGAL = "legal range is '^[A-Z0-9-_.]{1,20}$'"
_LEGAL_LIST = 'legal range is \'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\''
_STATUSES = ("TRADING", "HALT", "BREAK")


class Refusal(Exception):
    """An answer with an error code."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "msg": message}


def amount(value: float) -> str:
    """A price or quantity as Binance writes it: eight decimals, never an exponent."""
    return f"{value:.8f}"


def each(market: Market, params: Mapping[str, str], item: Callable[[Asset], dict[str, Any]]) -> Any:
    """``symbol`` gives an object, ``symbols`` and neither give a list; one unknown symbol fails them all."""
    status = params.get("symbolStatus", "")
    if status and status not in _STATUSES:
        raise Refusal(-1122, "Invalid symbolStatus.")
    if "symbol" in params and "symbols" in params:
        said = "Recommendation: 'symbol' and 'symbols' cannot both be sent."
        raise Refusal(-1128, f"Combination of optional parameters invalid. {said}")
    if "symbol" in params:
        asset = known(market, legal(params["symbol"], "symbol", LEGAL))
        if status and status_of(market, asset) != status:
            raise Refusal(-1220, "The symbol's status does not match the requested symbolStatus.")
        return item(asset)
    if "symbols" in params:
        assets = [known(market, symbol) for symbol in _symbols(params["symbols"])]
    else:
        assets = market.assets("binance")
    return [item(asset) for asset in assets if not status or status_of(market, asset) == status]


def _symbols(text: str) -> list[str]:
    try:
        symbols = json.loads(text)
    except ValueError:
        symbols = None
    listed = isinstance(symbols, list) and all(isinstance(symbol, str) for symbol in symbols)
    if not listed or json.dumps(symbols, separators=(",", ":"), ensure_ascii=False) != text:
        raise Refusal(-1100, f"Illegal characters found in parameter 'symbols'; {_LEGAL_LIST}.")
    names: list[str] = [legal(symbol, "symbols", _LEGAL_LIST) for symbol in symbols]
    if not names:
        raise Refusal(-1105, "Parameter 'symbols' was empty.")
    if len(set(names)) < len(names):
        raise Refusal(-1151, "Symbol is present multiple times in the list.")
    return names


def legal(symbol: str, parameter: str, rule: str) -> str:
    """``symbol`` as it is, if Binance would read it; ``rule`` is what the refusal quotes."""
    if not symbol:
        raise Refusal(-1105, f"Parameter '{parameter}' was empty.")
    if not _SYMBOL.fullmatch(symbol) or any("a" <= character <= "z" for character in symbol):
        raise Refusal(-1100, f"Illegal characters found in parameter '{parameter}'; {rule}.")
    return symbol


def known(market: Market, symbol: str) -> Asset:
    """The pair of that name; a refusal with -1121 if there is none."""
    tape = market.tape("binance", symbol)
    if tape is None:
        raise Refusal(-1121, "Invalid symbol.")
    return tape.asset


def status_of(market: Market, asset: Asset) -> str:
    """Whether the pair trades, in the words of exchangeInfo."""
    return "BREAK" if market.halted(asset.series) else "TRADING"


def whole(params: Mapping[str, str], name: str, otherwise: int) -> int:
    """An integer parameter, ``otherwise`` where it was not sent."""
    text = params.get(name)
    if text is None:
        return otherwise
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise Refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def trades(quote_volume: float) -> int:
    """How many trades make up a volume in the quote currency; never none."""
    return 1 + int(quote_volume / 400)
