"""``pricectl doctor``: is everything as it should be, and what helps where it is not."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pricectl.cli.options import Context, common
from pricectl.config import load
from pricectl.errors import ConfigError, Unwritable, UsageError
from pricectl.home import Home
from pricectl.output.rows import Column, Value

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.engine.checkup import Finding

PROBLEMS = 5  # the exit code of a check that found some

COLUMNS = ("check", "level", "subject", "message", "remedy", "fixable")
DECIDED = ("id", "series", "date", "why", "decision")
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
Release = Annotated[
    list[str] | None, typer.Option("--release", metavar="ID", help="Store what is kept aside as ID, or ID:DAY.")
]
Reject = Annotated[
    list[str] | None, typer.Option("--reject", metavar="ID", help="Never mind what is kept aside as ID, or ID:DAY.")
]


@common(asks=False)
def doctor(
    context: Context,
    fix: Fix = False,
    dry_run: DryRun = False,
    wait: Wait = 0.0,
    release: Release = None,
    reject: Reject = None,
) -> int:
    """Check everything: settings, catalogue, cache, store, ledgers, permissions. Asks no provider.

    \b
      pricectl doctor
      pricectl doctor --json | jq '.checks[] | select(.level == "problem")'
      pricectl doctor --fix
      pricectl doctor --release 1f3a5c7e9b --reject 02468ace13:2026-11-20

    Every stored part is held to its SHA-256, the log to its own claims, the rows to the rules and to the sessions of
    their exchanges. --fix sets damaged parts aside, outside the table, and forgets that their days were asked for, so
    that they are asked for again; it begins a new cache, heals modes, and asks providers only for lost splits.

    Exit code 5 when there are problems left, 9 when the store cannot be read, 11 when another run holds the lock.
    """
    if dry_run and not fix:
        raise UsageError("--dry-run goes with --fix", "without --fix nothing is changed anyway")
    if release or reject:
        if fix:
            raise UsageError("--fix decides nothing about what is kept aside", "give --release and --reject alone")
        return _decide(context, release or [], reject or [])
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


def _decide(context: Context, release: Sequence[str], reject: Sequence[str]) -> int:
    """What a person says about bars kept aside; shows what it was said about."""
    from pricectl.engine.aside import decide

    if context.settings.read_only:
        raise Unwritable("read_only is set: nothing is decided", "unset read_only, or leave it to the owner")
    decided = [(one, "released") for one in (decide(context.engine, release, release=True) if release else ())]
    decided += [(one, "rejected") for one in (decide(context.engine, reject, release=False) if reject else ())]
    records: list[dict[str, Value]] = [
        {"id": one.id, "series": str(one.series), "date": one.bar.date.isoformat(), "why": one.why, "decision": how}
        for one, how in decided
    ]
    context.show({"decided": records}, "decided", DECIDED, [Column(name, name.upper()) for name in DECIDED])
    return 0


def _engine(context: Context) -> tuple["Engine", ConfigError | None]:
    """The engine of the home, with the usual settings where its own cannot be read."""
    from pricectl.engine import Engine

    try:
        return Engine(context.settings, context.clock, context.warn), None
    except ConfigError as error:
        usual = load(Home(os.path.join(context.home.root, "settings-that-are-not-there")), {})
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
