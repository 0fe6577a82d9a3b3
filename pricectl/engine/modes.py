"""Who may read and write the files of a home: its owner alone, or a group too, which only reads."""

import os
import stat
from collections.abc import Iterator

from pricectl.home import Home


def wrong_modes(home: Home, group: bool) -> tuple[int, list[tuple[str, str, bool]]]:
    """How many files and folders there are, and of each that is open to the wrong people: its path, what is wrong, and
    whether setting its mode helps."""
    try:
        owner = os.stat(home.root).st_uid
    except OSError as error:
        return 0, [(home.root, f"it cannot be looked at: {error.strerror}", False)]
    seen, found = 0, []
    for path in _all(home.root):
        seen += 1
        try:
            said = os.lstat(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            found.append((path, f"it cannot be looked at: {error.strerror}", False))
            continue
        if stat.S_ISLNK(said.st_mode):
            continue  # its own mode says nothing
        if said.st_uid != owner:
            found.append((path, f"it belongs to user {said.st_uid}, the home to {owner}", False))
        elif wrong := _wrong(said.st_mode, path == home.root, group):
            found.append((path, wrong, True))
    return seen, found


def healed(mode: int, group: bool) -> int:
    """The mode that a file or folder should have."""
    if stat.S_ISDIR(mode):
        return 0o2750 if group else 0o700
    return 0o640 if group else 0o600


def _wrong(mode: int, is_root: bool, group: bool) -> str:
    folder, bits = stat.S_ISDIR(mode), stat.S_IMODE(mode)
    shown = f"its mode is {bits:04o}"
    if bits & 0o022:
        return f"{shown}: others than its owner may write it"
    if bits & 0o600 != 0o600 or (folder and not bits & 0o100):
        return f"{shown}: its owner may not use it"
    if is_root and bits & 0o005:
        return f"{shown}: everybody on this machine may look into it"
    if is_root and not group and bits & 0o050:
        return f"{shown}: its group may look into it, and home.group is not set"
    if group and (not bits & 0o040 or (folder and not bits & 0o010)):
        return f"{shown}: the group of home.group may not read it"
    return ""


def _all(root: str) -> Iterator[str]:
    yield root
    for above, folders, names in os.walk(root):
        for name in (*folders, *names):
            yield os.path.join(above, name)
