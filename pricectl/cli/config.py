"""``pricectl config``: the settings in force and where each comes from."""

from typing import Any

from pricectl.cli.groups import new_app
from pricectl.cli.options import Context, common
from pricectl.config import SETTINGS, Setting
from pricectl.output.rows import Column, Value
from pricectl.output.table import plain

app = new_app()

COLUMNS = ("name", "value", "origin", "default", "env", "doc")
_MASK = "***"
TABLE = (Column("name", "SETTING"), Column("value", "VALUE"), Column("origin", "ORIGIN"))


@app.callback()
def config() -> None:
    """Show the settings and where each comes from."""


@app.command()
@common(asks=False)
def show(context: Context) -> None:
    """Show every setting, its value and its origin.

    \b
      pricectl config show
      pricectl config show --json
      PRICECTL_TIMEOUT=5s pricectl config show

    Precedence: flag, environment (PRICECTL_<NAME>), config.toml in the home, default.
    """
    records = [_record(context, setting) for setting in SETTINGS]
    context.show({"home": context.home.root, "settings": records}, "settings", COLUMNS, TABLE)


def _record(context: Context, setting: Setting) -> dict[str, Value]:
    settings = context.settings
    return {
        "name": setting.name,
        "value": _MASK if setting.secret and settings[setting.name] else _shown(settings[setting.name]),
        "origin": settings.origins[setting.name],
        "default": setting.default,
        "env": setting.env,
        "doc": setting.doc,
    }


def _shown(value: Any) -> Value:
    """The value as one would write it: durations, the only floats, with their unit."""
    return f"{plain(value)}s" if isinstance(value, float) else value


@app.command()
@common(asks=False)
def path(context: Context) -> None:
    """Show the path of the settings file, whether it exists or not.

    \b
      $EDITOR "$(pricectl config path)"
    """
    if context.output == "table":
        context.write(context.home.config + "\n")
    else:
        context.show_record({"path": context.home.config, "home": context.home.root})


@app.command()
@common(asks=False)
def template(context: Context) -> None:
    """Show a settings file with every setting commented out, to start from.

    \b
      pricectl config template > "$(pricectl config path)"
    """
    if context.output in ("json", "jsonl"):
        context.show_record({"template": template_text()})
    else:
        context.write(template_text())


def template_text() -> str:
    """config.toml with every setting at its default, commented out."""
    lines = ["# Settings of pricectl. Each has a twin in the environment, which wins over this file."]
    for setting in SETTINGS:
        lines += ["", f"# {setting.doc} ({setting.env})", f"# {setting.name} = {_toml(setting)}"]
    return "\n".join(lines) + "\n"


def _toml(setting: Setting) -> str:
    return setting.default if setting.default in ("true", "false") else f'"{setting.default}"'
