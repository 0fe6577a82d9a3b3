"""A chart of closes for a terminal or a pipe: a line in box-drawing characters, or in ASCII where there are none."""

import math
from collections.abc import Sequence

HEIGHT = 12
# flat, up to here from below, down to here from above, and the turns out of them
_BOX = {"flat": "─", "rise": "│", "into_top": "╭", "out_bottom": "╯", "out_top": "╮", "into_bottom": "╰"}
_ASCII = {"flat": "-", "rise": "|", "into_top": "+", "out_bottom": "+", "out_top": "+", "into_bottom": "+"}


def lines(
    points: Sequence[tuple[str, float]], title: str, width: int = 80, unicode: bool = True, height: int = HEIGHT
) -> list[str]:
    """The lines of a chart of ``points`` (label, value), oldest first, at most ``width`` columns; none for no points.

    ``title`` stands above it; the value axis is on the left, the first and last label below. Where there are more
    points than columns, a column shows that point of its stretch which lies farthest from the column before, so
    that a spike is not lost; the last column is always the last point.
    """
    points = [point for point in points if math.isfinite(point[1])]
    if not points:
        return []
    values = [value for _, value in points]
    low, high = min(values), max(values)
    labels = _labels(low, high, height)
    margin = max(map(len, labels))
    room = max(1, width - margin - 3)
    drawn = _columns(values, room)
    grid = _draw(drawn, low, high, height, _BOX if unicode else _ASCII)
    side, corner, floor = ("┤", "└", "─") if unicode else ("|", "+", "-")
    body = [f"{label:>{margin}} {side}{''.join(row).rstrip()}" for label, row in zip(labels, grid, strict=True)]
    first, last = points[0][0], points[-1][0]
    between = len(drawn) - len(first) - len(last)
    below = first + " " * between + last if between > 0 and len(points) > 1 else last.rjust(len(drawn))
    return [title, *body, " " * (margin + 1) + corner + floor * len(drawn), " " * (margin + 2) + below]


def _labels(low: float, high: float, height: int) -> list[str]:
    """The value at each row from the top, every third one written, with as many decimals as tell rows apart."""
    step = (high - low) / (height - 1)
    finest = step or abs(high) / 100 or 1.0
    decimals = min(12, max(0, math.ceil(-math.log10(finest)) + (step > 0)))
    shown = {0, height - 1, *range(0, height - 2, 3)} if step else {height // 2}
    values = [high - row * step for row in range(height)]
    return [f"{value:.{decimals}f}" if row in shown else "" for row, value in enumerate(values)]


def _columns(values: Sequence[float], room: int) -> list[float]:
    """One value for each column: points repeated where there is room to spare, the farthest of a stretch where not."""
    if len(values) <= room:
        return [value for value in values for _ in range(max(1, room // len(values)))]
    drawn = [values[0]]
    for column in range(1, room):
        stretch = values[column * len(values) // room : (column + 1) * len(values) // room]
        drawn.append(max(stretch, key=lambda value: abs(value - drawn[-1])))
    drawn[-1] = values[-1]
    return drawn


def _draw(values: Sequence[float], low: float, high: float, height: int, strokes: dict[str, str]) -> list[list[str]]:
    """The rows of the line through ``values``, top row first."""
    grid = [[" "] * len(values) for _ in range(height)]
    step = (high - low) / (height - 1)
    rows = [round((high - value) / step) if step else height // 2 for value in values]
    for column, row in enumerate(rows):
        before = rows[column - 1] if column else row
        if before == row:
            grid[row][column] = strokes["flat"]
            continue
        for passed in range(min(before, row) + 1, max(before, row)):
            grid[passed][column] = strokes["rise"]
        falls = row > before  # rows count downwards
        grid[before][column] = strokes["out_top" if falls else "out_bottom"]
        grid[row][column] = strokes["into_bottom" if falls else "into_top"]
    return grid
