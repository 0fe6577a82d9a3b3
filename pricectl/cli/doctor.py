"""``pricectl doctor``: is everything as it should be, and what helps where it is not."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pricectl.cli.options import Context, common
from pricectl.config import load
from pricectl.errors import ConfigError, UsageError
from pricectl.home import Home
from pricectl.output.rows import Column, Value

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.engine.checkup import Finding

PROBLEMS = 5  # the exit code of a check that found some

COLUMNS = ("check", "level", "subject", "message", "remedy", "fixable")
TABLE = (
    Column("check", "CHECK"),
    Column("level", "LEVEL"),
    Column("subject", "SUBJECT"),
    Column("message", "MESSAGE"),
    Column("remedy", "REMEDY"),
)

Fix = Annotated[bool, typer.Option("--fix", help="Repair what can be repaired.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="With --fix: only tell what it would do.")]
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="Wait for another run to end.")]


@common(asks=False)
def doctor(context: Context, fix: Fix = False, dry_run: DryRun = False, wait: Wait = 0.0) -> int:
    """Check everything: settings, catalogue, cache, store, ledgers, permissions. Asks no provider.

    \b
      pricectl doctor
      pricectl doctor --json | jq '.checks[] | select(.level == "problem")'
      pricectl doctor --fix

    Every stored part is held to its SHA-256, the log to its own claims, the rows to the rules and to the sessions of
    their exchanges. --fix sets damaged parts aside, outside the table, and forgets that their days were asked for, so
    that they are asked for again; it begins a new cache, heals modes, and asks providers only for lost splits.

    Exit code 5 when there are problems left, 9 when the store cannot be read, 11 when another run holds the lock.
    """
    if dry_run and not fix:
        raise UsageError("--dry-run goes with --fix", "without --fix nothing is changed anyway")
    engine, error = _engine(context)

    def look() -> "Checkup":
        return Checkup(engine, context.env, error)

    from pricectl.engine.checkup import PROBLEM, Checkup

    done: Sequence[str] = ()
    left: Sequence[str] = ()
    if fix and not dry_run:
        from pricectl.engine.repair import Repair

        repair = Repair(engine, look)
        findings = repair.run(wait)
        done, left = repair.done, repair.left
    else:
        findings = look().findings()
    _show(context, findings, done)
    for line in left:
        context.warn(line)
    return PROBLEMS if any(one.level == PROBLEM for one in findings) else 0


def _engine(context: Context) -> tuple["Engine", ConfigError | None]:
    """The engine of the home, with the usual settings where its own cannot be read."""
    from pricectl.engine import Engine

    try:
        return Engine(context.settings, context.clock, context.warn), None
    except ConfigError as error:
        usual = load(Home(os.devnull), {})
        usual.home = context.home
        return Engine(usual, context.clock, context.warn), error


def _show(context: Context, findings: "Sequence[Finding]", done: Sequence[str]) -> None:
    records = [_record(one) for one in findings]
    problems = sum(one.level == "problem" for one in findings)
    notes = sum(one.level == "note" for one in findings)
    document = {"checks": records, "problems": problems, "notes": notes, "repaired": list(done)}
    context.show(document, "checks", COLUMNS, TABLE)
    for line in done:
        context.note(f"repaired: {line}")
    context.note(f"{problems} problems, {notes} notes" if problems or notes else "all is well")


def _record(finding: "Finding") -> dict[str, Value]:
    return {
        "check": finding.check,
        "level": finding.level,
        "subject": finding.subject or None,
        "message": finding.message,
        "remedy": finding.remedy or None,
        "fixable": bool(finding.fix),
    }
