"""The store's writing operations on files: whole or not at all, durable before they return, with the modes of the
home. Everything that changes the store's folder, but for the log entry that delta-rs puts, goes through here: so
the crash tests can stop at every step by exchanging ``disk.os``.
"""

import contextlib
import errno
import os
from collections.abc import Iterator

from pricectl.errors import Unwritable

_HINTS = {
    errno.ENOSPC: "make room and run the command again; what was stored before is untouched",
    errno.EDQUOT: "make room within your quota and run the command again; what was stored before is untouched",
    errno.EROFS: "the file system is read-only: name another home with --home, or set read_only",
    errno.EACCES: "this account may not write there: ask its owner, name another home, or set read_only",
    errno.EPERM: "this account may not write there: ask its owner, name another home, or set read_only",
}
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OTHER = "look at the disk; what was stored before is untouched"


@contextlib.contextmanager
def writing(folder: str) -> Iterator[None]:
    """Turns an OSError into Unwritable, with the path, the cause, what to do next, and on a full disk the space."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise Unwritable(
            f"cannot write {where}: {error.strerror or error}{_free(folder) if error.errno in _FULL else ''}",
            _HINTS.get(error.errno or 0, _OTHER),
        ) from error


def _free(folder: str) -> str:
    try:
        stat = os.statvfs(folder)
    except OSError:
        return ""
    return f" ({stat.f_bavail * stat.f_frsize // 1_000_000} MB free)"


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


class Disk:
    """Writes below one home. ``shared``: the home is open read-only to a group (folders 2750, files 0640),
    otherwise it is its owner's alone (0700, 0600)."""

    def __init__(self, shared: bool) -> None:
        self.folder_mode = 0o2750 if shared else 0o700
        self.file_mode = 0o640 if shared else 0o600

    def make_folder(self, path: str) -> None:
        """``path`` exists, its parents too, and each new name is durable in the folder above it."""
        if os.path.isdir(path):
            return
        above = os.path.dirname(path)
        self.make_folder(above)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        os.chmod(path, self.folder_mode)
        self.sync_folder(above)

    def write_new(self, path: str, data: bytes) -> None:
        """A new file with ``data``, durable; the name in its folder is not yet: ``sync_folder`` does that. A file
        that fails halfway is taken away again; nothing lists it either way. Raises OSError."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self.file_mode)
        try:
            try:
                os.fchmod(file, self.file_mode)
                _write(file, data)
                os.fsync(file)
            finally:
                os.close(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise

    def sync_file(self, path: str) -> None:
        """What another library wrote at ``path`` is durable and has the home's mode."""
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fchmod(file, self.file_mode)
            os.fsync(file)
        finally:
            os.close(file)

    def sync_folder(self, path: str) -> None:
        """The names in the folder ``path`` are durable."""
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def move(self, path: str, target: str) -> None:
        """``path`` is called ``target``, durably in both folders."""
        self.make_folder(os.path.dirname(target))
        os.rename(path, target)
        self.sync_folder(os.path.dirname(target))
        self.sync_folder(os.path.dirname(path))

    def remove(self, path: str) -> None:
        """``path`` is gone; a name that is gone already is no error."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    @contextlib.contextmanager
    def umask(self) -> Iterator[None]:
        """Files that another library makes meanwhile have the home's mode from the start."""
        before = os.umask(0o777 & ~self.file_mode)
        try:
            yield
        finally:
            os.umask(before)

    def remember(self, path: str, data: bytes) -> None:
        """Put a small file that may be lost at any time: whole or not at all, not durable. Never fails: a home that
        cannot be written only forgets."""
        temporary = f"{path}.{os.urandom(6).hex()}"
        try:
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self.file_mode)
        except OSError:
            return
        try:
            try:
                os.fchmod(file, self.file_mode)
                _write(file, data)
            finally:
                os.close(file)
            os.replace(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def note(self, path: str, data: bytes) -> None:
        """Append to a file that may be lost at any time, in one write. Never fails."""
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, self.file_mode)
            try:
                os.write(file, data)
            finally:
                os.close(file)
