"""``pricectl schedule``: have refresh run each minute, and aggregate each night."""

import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pricectl.cli.options import Context, common
from pricectl.errors import UsageError
from pricectl.home import ENV, home_dir

if TYPE_CHECKING:
    from pricectl.engine.schedule import Task
    from pricectl.output.rows import Value


@common(asks=False)
def schedule(
    context: Context,
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- REFRESH OPTION...]", help="Options for refresh, after --.")
    ] = None,
    with_: Annotated[
        Literal["cron", "systemd"] | None, typer.Option("--with", help="Only this one; --install: cron, if not said.")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="Put it into the crontab, or enable the timer.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Show what has refresh run each minute and aggregate each night: for cron and for systemd. Or install it.

    \b
      pricectl schedule                                show the crontab lines, the units
      pricectl schedule --install                      into your crontab
      pricectl schedule --install --with systemd       as a user timer of systemd
      pricectl schedule --install -- --metrics-file /var/lib/node_exporter/pricectl.prom
      pricectl schedule --remove

    Installing twice changes nothing; no other line of the crontab and no other unit is ever touched.
    """
    if install and remove:
        raise UsageError("--install and --remove exclude each other", "give one of the two")
    if options and remove:
        raise UsageError("--remove takes no options for refresh", "leave them out")
    tasks = _tasks(context, options or [])
    if install:
        _warn_of_what_stays_behind(context, tasks)
        changed = _install_systemd(context, tasks, dry_run) if with_ == "systemd" else _install_cron(tasks, dry_run)
        where = "systemd's timers" if with_ == "systemd" else "the crontab"
        _tell(context, tasks, [with_ or "cron"], "install", changed, where, dry_run)
    elif remove:
        found = [where for where, gone in _removals(context, tasks, with_, dry_run) if gone]
        _tell(context, tasks, [], "remove", bool(found), " and ".join(found), dry_run)
    else:
        _show(context, tasks, with_)


def _tasks(context: Context, options: list[str]) -> "list[Task]":
    from pricectl.engine.schedule import tasks

    if options:
        _check_options(options)
    usual = context.home.root == home_dir(None, {})
    group = context.settings["home.group"]
    return tasks(_program(), context.home.root, options, group=group, usual=usual)


def _check_options(options: list[str]) -> None:
    """Parse them as refresh will: a slip would fail each minute. Raises what the parser raises."""
    from pricectl.cli import COMMANDS
    from pricectl.cli.groups import command

    with command("refresh", COMMANDS["refresh"].load()).make_context("pricectl refresh", list(options)):
        pass


def _program() -> list[str]:
    """The words that start this pricectl from any folder: the script that was called, or Python and the module."""
    called = sys.argv[0]
    path = os.path.abspath(called) if os.sep in called else shutil.which(called)
    if path and os.path.basename(path) == "pricectl" and os.access(path, os.X_OK):
        return [path]  # not where a link leads: an upgrade moves that
    if not sys.executable:
        raise UsageError("it cannot be told which Python this is", "call pricectl by its full path")
    return [sys.executable, "-P", "-m", "pricectl"]


def _warn_of_what_stays_behind(context: Context, tasks: "list[Task]") -> None:
    """What holds here and not where it runs by itself: variables, and a checkout that is the current folder."""
    names = sorted(name for name in context.env if name.startswith(ENV) and name != "PRICECTL_HOME")
    if names:
        context.warn(f"{', '.join(names)} will not be set when it runs by itself", f"put it into {context.home.config}")
    if len(tasks[0].program) > 1:
        import site

        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        if not any(package.startswith(folder) for folder in [*site.getsitepackages(), site.getusersitepackages()]):
            context.warn(f"this pricectl runs from {os.path.dirname(package)} and is not installed", "install it first")


def _install_cron(tasks: "list[Task]", dry_run: bool) -> bool:
    from pricectl.engine import crontab

    before = crontab.read()
    after = crontab.with_lines(before, tasks)
    if after != before and not dry_run:
        crontab.write(after)
    return after != before


def _install_systemd(context: Context, tasks: "list[Task]", dry_run: bool) -> bool:
    from pricectl.config import ensure_home
    from pricectl.engine import systemd

    units = systemd.units(tasks, context.env)
    changed = bool(systemd.missing(units))
    if not dry_run:
        try:
            ensure_home(context.settings)  # the service may only write there, so it must be there
        except OSError as error:
            raise UsageError(f"cannot make {context.home.root}: {error.strerror}", "name another home") from error
        systemd.install(units)  # also where nothing is missing: a timer may have been stopped
    return changed


def _removals(context: Context, tasks: "list[Task]", with_: str | None, dry_run: bool) -> Iterator[tuple[str, bool]]:
    """Where there was something of ours to take away, each taken away (but for ``dry_run``)."""
    from pricectl.engine import crontab, systemd

    if with_ == "cron" or (with_ is None and shutil.which("crontab")):
        before = crontab.read()
        after = crontab.without_lines(before, tasks)
        if after != before and not dry_run:
            crontab.write(after)
        yield "the crontab", after != before
    if with_ in ("systemd", None):
        found = systemd.present(systemd.units(tasks, context.env))
        if found and not dry_run:
            systemd.remove(found)
        yield "systemd's timers", bool(found)


def _parts(context: Context, tasks: "list[Task]", with_: str | None) -> list[dict[str, "Value"]]:
    from pricectl.engine import crontab, systemd

    parts: list[dict[str, Value]] = []
    if with_ in ("cron", None):
        text = "".join(crontab.line(task) + "\n" for task in tasks)
        parts.append({"kind": "crontab", "path": None, "text": text})
    if with_ in ("systemd", None):
        units = systemd.units(tasks, context.env)
        parts += [{"kind": unit.name.rpartition(".")[2], "path": unit.path, "text": unit.text} for unit in units]
    return parts


def _show(context: Context, tasks: "list[Task]", with_: str | None) -> None:
    parts = _parts(context, tasks, with_)
    if context.output == "table":
        titles = [f"# {part['path'] or 'the crontab (crontab -e)'}\n" for part in parts]
        context.write("\n".join(f"{title}{part['text']}" for title, part in zip(titles, parts, strict=True)))
    else:
        context.show({"home": context.home.root, "parts": parts}, "parts", ("kind", "path", "text"), ())


def _tell(
    context: Context, tasks: "list[Task]", kinds: list[str], action: str, changed: bool, where: str, dry_run: bool
) -> None:
    """What was done, for a person on stderr, for a script as a record."""
    done = f"would {action}" if dry_run else f"{action.rstrip('e')}ed"
    preposition = {"install": "into", "remove": "from"}[action]
    names = " and ".join(task.job.name for task in tasks)
    said = f"{done} {names} of {context.home.root} {preposition} {where}" if changed else f"nothing to {action}"
    context.note(said)
    if changed and kinds == ["systemd"] and not dry_run:
        context.note("a user's timers run while the user is logged in; `loginctl enable-linger` has them run always")
    if context.output != "table":
        parts = [part for kind in kinds for part in _parts(context, tasks, kind)]
        context.show(
            {"action": action, "changed": changed, "dryRun": dry_run, "home": context.home.root, "parts": parts},
            "parts", ("kind", "path", "text"), (),
        )  # fmt: skip
