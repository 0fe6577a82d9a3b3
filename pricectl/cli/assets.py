"""``pricectl assets``: what there is, and what is followed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pricectl.cli.groups import new_app
from pricectl.cli.options import Context, common
from pricectl.errors import UsageError
from pricectl.model.asset import TYPES, Asset
from pricectl.output import json, rows, stream

if TYPE_CHECKING:
    from pricectl.catalogue import Catalogue

app = new_app()

_DONE = {
    "follow": "followed",
    "unfollow": "unfollowed",
    "activate": "activated",
    "deactivate": "deactivated",
    "remove": "removed",
    "import": "imported",
}
Symbols = Annotated[list[str], typer.Argument(metavar="SYMBOL...")]
SymbolsOrNone = Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL...]")]
TypeOption = Annotated[str | None, typer.Option("--type", metavar="T", help=f"Of this type: {', '.join(TYPES)}.")]
AllOption = Annotated[bool, typer.Option("--all", help="All of them.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.callback()
def assets() -> None:
    """Look through the catalogue, follow assets, add your own."""


@app.command("list")
@common(asks=False)
def list_(
    context: Context,
    type_: TypeOption = None,
    followed: Annotated[bool, typer.Option("--followed", help="Those that refresh keeps up to date.")] = False,
    inactive: Annotated[bool, typer.Option("--inactive", help="Those that were deactivated.")] = False,
) -> None:
    """List the assets.

    \b
      pricectl assets list --type crypto
      pricectl assets list --followed -o csv
    """
    catalogue = context.engine.catalogue
    found = catalogue.all(_type(type_), active=not inactive)
    if orphans := catalogue.orphans:
        context.warn(
            f"your list speaks of {', '.join(orphans)}, which no list describes any more",
            "describe it with `pricectl add-asset`, or `pricectl assets remove` it",
        )
    _show(context, [asset for asset in found if asset.followed or not followed])


@app.command()
@common(asks=False)
def show(context: Context, symbol: Annotated[str, typer.Argument(metavar="SYMBOL")]) -> None:
    """Show all that is known of one asset.

    \b
      pricectl assets show BRK.B
      pricectl assets show yahoo:NVDA --json
    """
    asset = context.engine.catalogue.find(symbol)
    context.show_record(json.with_version({**rows.asset(asset), "own": asset.own}))


@app.command()
@common(asks=False)
def search(
    context: Context,
    text: Annotated[list[str], typer.Argument(metavar="TEXT...")],
    type_: TypeOption = None,
) -> None:
    """Find assets by symbol, name, code, category or the provider's own spelling.

    \b
      pricectl assets search gold
      pricectl assets search nestle --type stock
    """
    wanted = _type(type_)
    found = [asset for asset in context.engine.catalogue.search(" ".join(text)) if wanted in ("", asset.type)]
    if not found:
        context.note("nothing found")
    _show(context, found)


@app.command()
@common(asks=False)
def follow(
    context: Context, symbols: SymbolsOrNone = None, type_: TypeOption = None, everything: AllOption = False,
    dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Have refresh keep assets up to date.

    \b
      pricectl assets follow BTC AAPL EURUSD
      pricectl assets follow --type index
    """
    catalogue = context.engine.catalogue
    names = _which(symbols, type_, everything, catalogue.all)
    _changed(context, "follow", names, catalogue.follow(names, dry_run=dry_run), dry_run)


@app.command()
@common(asks=False)
def unfollow(
    context: Context, symbols: SymbolsOrNone = None, type_: TypeOption = None, everything: AllOption = False,
    dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Have refresh leave assets alone.

    \b
      pricectl assets unfollow BTC
      pricectl assets unfollow --all
    """
    catalogue = context.engine.catalogue
    names = _which(symbols, type_, everything, lambda kind: [a for a in catalogue.all(kind, None) if a.followed])
    _changed(context, "unfollow", names, catalogue.unfollow(names, dry_run=dry_run), dry_run)


@app.command()
@common(asks=False)
def deactivate(context: Context, symbols: Symbols, dry_run: DryRun = False) -> None:
    """Hide assets: out of lists, of batch --all, of refresh. What is stored stays.

    \b
      pricectl assets deactivate TUSD USDP
    """
    done = context.engine.catalogue.set_active(symbols, False, dry_run=dry_run)
    _changed(context, "deactivate", symbols, done, dry_run)


@app.command()
@common(asks=False)
def activate(context: Context, symbols: Symbols, dry_run: DryRun = False) -> None:
    """Bring assets back that were deactivated.

    \b
      pricectl assets activate TUSD
    """
    done = context.engine.catalogue.set_active(symbols, True, dry_run=dry_run)
    _changed(context, "activate", symbols, done, dry_run)


@app.command()
@common(asks=False)
def remove(context: Context, symbols: Symbols, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Remove your own assets; what you changed of a shipped one is as it was shipped. Stored prices stay.

    \b
      pricectl assets remove JOBY --yes
    """
    catalogue = context.engine.catalogue
    before = _described(catalogue, symbols)
    catalogue.remove(symbols, dry_run=True)
    if not dry_run:
        if not context.confirm(f"Remove {_listed(symbols)} from your assets?", yes):
            context.note("nothing was removed")
            return
        catalogue.remove(symbols)
    _tell(context, "remove", symbols, before, True, dry_run)


@app.command("import")
@common(asks=False)
def import_(
    context: Context,
    file: Annotated[str, typer.Argument(metavar="FILE.csv")],
    replace: Annotated[bool, typer.Option("--replace", help="Change assets that are there already.")] = False,
    dry_run: DryRun = False,
) -> int:
    """Add the assets of a CSV file, all or none, and follow them.

    \b
      pricectl assets import mine.csv --dry-run

    The first line names the columns: symbol, and any of name, type, category, code, provider, provider_id,
    currency, exchange. A row that cannot be taken is named with its line and the reason, and nothing is added.
    """
    from pricectl.catalogue import incoming

    catalogue = context.engine.catalogue
    found, refused = incoming.read(file, catalogue.get, replace=replace)
    for one in refused:
        stream.say(_refusal(context, one))
    if refused:
        raise UsageError(f"{file}: {len(refused)} rows refused, nothing imported", "correct the lines named above")
    done = catalogue.add_all(found, replace=replace, dry_run=dry_run)
    _tell(context, "import", [asset.symbol for asset in found], found, done, dry_run)
    return 0


def _refusal(context: Context, refused: "tuple[int, str, str]") -> str:
    line, symbol, reason = refused
    if context.output in ("json", "jsonl"):
        return json.record({"line": line, "symbol": symbol, "reason": reason})
    return f"pricectl: line {line}: {reason}"


def _type(given: str | None) -> str:
    if given is not None and given not in TYPES:
        raise UsageError(f"{given!r} is no type of asset", f"one of: {', '.join(TYPES)}")
    return given or ""


def _which(
    symbols: Sequence[str] | None, type_: str | None, everything: bool, of: Callable[[str], Sequence[Asset]]
) -> list[str]:
    if sum((bool(symbols), type_ is not None, everything)) != 1:
        raise UsageError("which assets?", "give symbols, or one of --type, --all")
    return list(symbols) if symbols else [asset.symbol for asset in of(_type(type_))]


def _show(context: Context, found: Sequence[Asset]) -> None:
    records = [rows.asset(asset) for asset in found]
    context.show({"assets": records, "count": len(records)}, "assets", rows.ASSET, rows.ASSET_TABLE)


def _described(catalogue: "Catalogue", symbols: Sequence[str]) -> list[Asset]:
    found = (catalogue.get(symbol.upper()) for symbol in symbols)
    return [asset for asset in found if asset is not None]


def _changed(context: Context, action: str, symbols: Sequence[str], done: bool, dry_run: bool) -> None:
    catalogue = context.engine.catalogue
    _tell(context, action, symbols, [catalogue.find(symbol) for symbol in symbols], done, dry_run)


def _tell(
    context: Context, action: str, symbols: Sequence[str], found: Sequence[Asset], done: bool, dry_run: bool
) -> None:
    """What was done, for a person on stderr, for a script the assets as records."""
    said = f"would {action}" if dry_run else _DONE[action]
    context.note(f"{said} {_listed(symbols)}" if done else f"nothing to {action}: {_listed(symbols)}")
    if context.output != "table":
        records = [rows.asset(asset) for asset in found]
        document = {"action": action, "changed": done, "dryRun": dry_run, "assets": records}
        context.show(document, "assets", rows.ASSET, rows.ASSET_TABLE)


def _listed(symbols: Sequence[str]) -> str:
    return ", ".join(symbols) if len(symbols) <= 5 else f"{len(symbols)} assets ({', '.join(symbols[:3])}, ...)"
