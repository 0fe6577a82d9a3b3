"""``pricectl add-asset``: an asset of one's own."""

from typing import Annotated

import typer

from pricectl.catalogue import described
from pricectl.catalogue.symbols import canonical
from pricectl.cli.options import Context, common
from pricectl.config import PROVIDERS
from pricectl.errors import Transient, UsageError
from pricectl.model.asset import TYPES, Asset
from pricectl.model.quote import Miss, Quote
from pricectl.output import json, rows


@common
def add_asset(
    context: Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL")],
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What people call it.")] = None,
    type_: Annotated[str | None, typer.Option("--type", metavar="T", help=f"{', '.join(TYPES)}.")] = None,
    category: Annotated[str | None, typer.Option("--category", metavar="TEXT", help="Sector, or the like.")] = None,
    code: Annotated[str | None, typer.Option("--code", metavar="TEXT", help="Without exchange or pair.")] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="P", help=f"Who is asked: {', '.join(PROVIDERS)}.")
    ] = None,
    provider_id: Annotated[
        str | None, typer.Option("--provider-id", metavar="ID", help="How the provider spells it.")
    ] = None,
    currency: Annotated[str | None, typer.Option("--currency", metavar="C", help="What it is quoted in.")] = None,
    exchange: Annotated[str | None, typer.Option("--exchange", metavar="X", help="The provider's code.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Ask the provider first.")] = False,
    backfill: Annotated[bool, typer.Option("--backfill", help="Load its history too.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Change what stands under the symbol.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Add an asset to your own list, and follow it.

    \b
      pricectl add-asset yahoo:JOBY --name "Joby Aviation" --check
      pricectl add-asset PEPE2 --type crypto --provider-id PEPE2USDT
      pricectl add-asset AAPL                     a shipped one: followed from now on

    What is not said is inferred and shown. The same again is no error; something different under a taken symbol
    is one (exit 2) unless --replace is given.
    """
    if context.offline and (check or backfill):
        raise UsageError("--check and --backfill ask the provider, --offline asks nobody", "leave one out")
    catalogue = context.engine.catalogue
    wanted = canonical(symbol)
    if ":" in wanted:  # the asset that already has these prices, if there is one: yahoo:BRK-B is BRK.B
        found = catalogue.find(wanted).symbol
        wanted = wanted if ":" in found else found
    said = {
        "symbol": wanted, "name": name, "type": type_, "category": category, "code": code, "provider": provider,
        "provider_id": provider_id, "currency": currency, "exchange": exchange,
    }  # fmt: skip
    known = catalogue.get(wanted.rpartition(":")[2])
    asset = described({column: cell for column, cell in said.items() if cell is not None}, known)
    catalogue.add(asset, replace=replace, dry_run=True)
    if check:
        asset = _checked(context, asset, currency)
    done = catalogue.add(asset, replace=replace, dry_run=dry_run)
    _tell(context, asset._replace(followed=True), done, dry_run)
    if backfill and not dry_run:
        _backfill(context, asset)


def _checked(context: Context, asset: Asset, currency: str | None) -> Asset:
    """The asset with the currency in which its provider quotes it. Raises what the provider says against it."""
    quote = _quote(context, asset)
    if currency is not None and currency != quote.currency:
        raise UsageError(
            f"{asset.series} is quoted in {quote.currency}, not {currency}", f"leave out --currency {currency}"
        )
    context.note(f"{asset.series} is quoted at {quote.price} {quote.currency}")
    return asset._replace(currency=quote.currency)


def _quote(context: Context, asset: Asset) -> Quote:
    from pricectl.engine import prices

    wish = prices.Wish(context.settings.timeout_s, refresh=True)
    (outcome,) = prices.get(context.engine, [str(asset.series)], wish)
    if isinstance(outcome, Miss):
        raise outcome.error
    if outcome.stale:
        raise Transient(f"{asset.provider} could not be asked about {asset.provider_id}", "try again later")
    return outcome.quote


def _backfill(context: Context, asset: Asset) -> None:
    from pricectl.engine import history, ranges

    answer = history.get(context.engine, history.Query(asset.symbol, ranges.Wish("all", None, None)))
    context.note(f"{asset.symbol}: {len(answer.rows)} bars from {answer.start} to {answer.end}")


def _tell(context: Context, asset: Asset, done: bool, dry_run: bool) -> None:
    said = "would add and follow" if dry_run else "added and followed"
    context.note(f"{said}: {asset.symbol}" if done else f"{asset.symbol} is there already, and followed")
    context.show_record(json.with_version({**rows.asset(asset), "changed": done, "dryRun": dry_run}))
