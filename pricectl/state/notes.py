"""Small facts kept from one run to the next, a JSON object a file, replaced as a whole. Losing one costs a request or
a repeated line, so what cannot be read back counts as never written."""

import json
import os
import stat
from collections.abc import Mapping
from typing import Any

from pricectl.errors import Unwritable
from pricectl.home import Home


class Note:
    """The object kept under ``name`` in the state folder."""

    def __init__(self, home: Home, name: str) -> None:
        self._path = os.path.join(home.state, f"{name}.json")

    def read(self) -> dict[str, Any]:
        """What was written last; empty where there is nothing, or nothing that can be read."""
        try:
            with open(self._path, "rb") as file:
                said = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}

    def write(self, facts: Mapping[str, Any]) -> None:
        """Keep ``facts`` instead; the same again touches nothing. One writer at a time. Raises Unwritable."""
        text = json.dumps(dict(sorted(facts.items())), allow_nan=False).encode()
        beside = f"{self._path}.new"
        try:
            if text == self._text() or (not facts and not os.path.exists(self._path)):
                return
            fd = os.open(beside, os.O_WRONLY | os.O_TRUNC | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with open(fd, "wb") as file:
                if os.stat(os.path.dirname(beside)).st_mode & stat.S_IRGRP:
                    os.fchmod(fd, 0o640)
                file.write(text)
            os.replace(beside, self._path)
        except OSError as error:
            what = f"cannot write {self._path}: {error.strerror or error}"
            raise Unwritable(what, "check the folder's owner, mode and space") from error

    def _text(self) -> bytes:
        try:
            with open(self._path, "rb") as file:
                return file.read()
        except OSError:
            return b""
