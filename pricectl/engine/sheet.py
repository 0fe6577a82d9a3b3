"""A CSV file, row by row: UTF-8 with or without a mark, any line ends, cells as they stand."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import IO

from pricectl.errors import UsageError


class Sheet:
    """A CSV file opened for reading, its header read. Raises UsageError where it cannot be read as a whole."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._name = name
        self._reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
        header = self._next()
        while header is not None and not any(map(str.strip, header)):
            header = self._next()
        if header is None:
            raise UsageError(f"{name} is empty", "the first line names the columns: date,open,high,low,close,volume")
        self.names = [cell.strip() for cell in header]

    def rows(self, places: Sequence[int]) -> Iterator[tuple[int, list[str] | str]]:
        """Of every row that is not empty its first line and the cells at ``places``, or why it is no row."""
        width = len(self.names)
        while True:
            line = self._reader.line_num + 1
            cells = self._next()
            if cells is None:
                return
            if len(cells) == width:
                if any(map(str.strip, cells)):
                    yield line, [cells[place] for place in places]
            elif any(map(str.strip, cells)):
                yield line, f"{len(cells)} cells under {width} columns"

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            line = self._reader.line_num
            raise UsageError(f"{self._name}, line {line}: {error}", "write it as CSV, quotes doubled") from error
        except UnicodeDecodeError as error:
            line = self._reader.line_num + 1
            raise UsageError(
                f"{self._name} is not UTF-8 text (at line {line} or after)", "save it as CSV UTF-8"
            ) from error
        except OSError as error:
            raise UsageError(f"cannot read {self._name}: {error.strerror}", "check the path") from error
