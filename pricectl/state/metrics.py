"""What monitors read: figures as a Prometheus textfile, for node_exporter's textfile collector and its like.

The format is that of https://prometheus.io/docs/instrumenting/exposition_formats/, without timestamps, which that
collector refuses. The file is replaced as a whole; a reader sees the old one or the new one.
"""

import contextlib
import errno
import math
import os
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from pricectl.errors import Unwritable, UsageError

PREFIX = "pricectl_"
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class Figure(NamedTuple):
    """One number. ``name`` (without the prefix) says its base unit: seconds, bytes, ratio; ``labels`` are (name,
    value); ``help`` is the line above all figures of the name. A name that ends in ``_total`` only ever grows."""

    name: str
    value: float
    help: str
    labels: tuple[tuple[str, str], ...] = ()


def text(figures: Iterable[Figure]) -> str:
    """The exposition of ``figures``; those of one name stand together, in the order in which names first occur."""
    kept = list(figures)
    order = {name: place for place, name in enumerate(dict.fromkeys(figure.name for figure in kept))}
    lines = []
    for name, group in groupby(sorted(kept, key=lambda figure: order[figure.name]), key=lambda figure: figure.name):
        found = list(group)
        lines.append(f"# HELP {PREFIX}{name} {_escaped(found[0].help, quotes=False)}")
        lines.append(f"# TYPE {PREFIX}{name} {'counter' if name.endswith('_total') else 'gauge'}")
        lines += [f"{PREFIX}{name}{_labels(figure)} {_number(figure.value)}" for figure in found]
    return "".join(f"{line}\n" for line in lines)


def textfile(path: str, figures: Sequence[Figure]) -> None:
    """Write ``figures`` to ``path`` (``.../pricectl.prom``), readable by everybody, whole or not at all.

    Raises UsageError where the path cannot be written, Unwritable where the disk is full or fails.
    """
    # node_exporter reads every *.prom in its folder, so the file on its way has another ending.
    beside = f"{path}.{os.getpid()}"
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            os.fchmod(fd, 0o644)  # another account's collector reads it, whatever the umask
            _write(fd, text(figures).encode())
        finally:
            os.close(fd)
        os.replace(beside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        what = f"cannot write the metrics to {path}: {error.strerror or error}"
        if error.errno in _DISK:
            raise Unwritable(what, "look at the disk and its free space") from error
        raise UsageError(what, "name a file in a folder that exists and that this account may write") from error


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _labels(figure: Figure) -> str:
    said = ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in figure.labels)
    return f"{{{said}}}" if said else ""


def _escaped(words: str, *, quotes: bool) -> str:
    words = words.replace("\\", "\\\\").replace("\n", "\\n")
    return words.replace('"', '\\"') if quotes else words


def _number(value: float) -> str:
    if math.isfinite(value):
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
