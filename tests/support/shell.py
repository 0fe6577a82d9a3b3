"""pricectl as a real process, in a home of its own and with nothing of the tester's environment."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import pricectl as package
from pricectl.config import PROVIDERS

ROOT = str(Path(package.__file__).parent.parent)
# Every provider, fallbacks too, at a port where nobody listens.
NOBODY = {f"PRICECTL_{name.upper()}_URL": "http://127.0.0.1:9" for name in PROVIDERS}


class Ended(NamedTuple):
    """How a process ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def environment(home: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a bare account whose home is ``home``."""
    bare = {
        "PATH": os.defpath,
        "HOME": str(home),
        "PRICECTL_HOME": str(home),
        "PYTHONPATH": ROOT,
        "PYTHONSAFEPATH": "1",
    }
    return bare | dict(env or {})


def pricectl(
    *arguments: str,
    home: Path,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    program: Sequence[str] = ("-m", "pricectl"),
) -> Ended:
    """Run it to its end. ``program`` is what python is given before the arguments."""
    done = subprocess.run(
        [sys.executable, *program, *arguments],
        env=environment(home, env),
        input=stdin.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def into(stdout: int | IO[bytes], *arguments: str, home: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run it with this stdout; the exit code and what went to stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "pricectl", *arguments],
        env=environment(home, env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.decode()


def on_terminal(*arguments: str, home: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run it with a terminal as stdout and stderr; the exit code and what the person sees."""
    person, terminal = os.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "pricectl", *arguments],
            env=environment(home, {"TERM": "xterm"} | dict(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        seen = b""
        while chunk := _read(person):
            seen += chunk
        return process.wait(60), seen.decode().replace("\r\n", "\n")
    finally:
        os.close(person)


def _read(person: int) -> bytes:
    try:
        return os.read(person, 65536)
    except OSError:  # Linux says EIO when the last writer has gone
        return b""
