"""Text from providers, files and users is data: what of it may reach a terminal or a spreadsheet, and how wide it is.

A CSV cell that a spreadsheet would run as a formula gets a leading apostrophe, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection); full-width twins and leading blanks count too.
"""

_BLANKS = frozenset("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000")
_UNSEEN = "\ufffd"
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe(text: str, limit: int = 0) -> str:
    """``text`` on one line without anything that steers a terminal: controls, escapes, line ends, bidi marks,
    zero-width characters, surrogates and unassigned code points become U+FFFD, odd blanks a blank.

    ``limit`` > 0 cuts it to so many characters, the last one an ellipsis.
    """
    if limit and len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():  # false for the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and for every blank but " "
        return text
    return "".join(c if c.isprintable() else " " if c in _BLANKS else _UNSEEN for c in text)


def csv_cell(text: str) -> str:
    """``text`` as one cell of CSV: cleaned, neutralised, quoted where RFC 4180 wants quotes."""
    if text.isalnum():  # most cells; nothing in it needs a second look
        return text
    if text.startswith(_RUNS) or text.lstrip().startswith(_RUNS):
        text = "'" + text
    return csv_quoted(safe(text))


def csv_quoted(text: str) -> str:
    """``text`` in double quotes if it holds a comma, a quote or a line end, or begins or ends with a blank."""
    if "," not in text and '"' not in text and "\n" not in text and "\r" not in text and text.strip(" ") == text:
        return text
    return '"' + text.replace('"', '""') + '"'


def width(text: str) -> int:
    """The columns that ``text`` takes on a terminal: two for wide East Asian characters, none for combining marks."""
    if text.isascii():
        return len(text)
    import unicodedata

    taken = 0
    for character in text:
        if not unicodedata.combining(character):
            taken += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return taken


def cut(text: str, columns: int) -> str:
    """``text`` in at most ``columns`` columns, the last one an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept + character) > columns - 1:
            break
        kept += character
    return kept + "…" if columns > 0 else ""
