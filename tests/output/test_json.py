"""JSON text: one layout, the provider's digits, no word that JSON does not know."""

import json as standard
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.output import json
from pricectl.output.rows import Number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (10**20, "100000000000000000000"),
        (1.5, "1.5"),
        (1e-07, "1e-07"),
        (100.0, "100.0"),
        (float("nan"), "null"),
        (float("inf"), "null"),
        (float("-inf"), "null"),
        (Number("65000.1"), "65000.1"),
        (Number("0.00000123"), "0.00000123"),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("é\x1b\x7f\u202e😀", '"\\u00e9\\u001b\\u007f\\u202e\\ud83d\\ude00"'),
        ([], "[]"),
        ([1, "a"], '[1, "a"]'),
        ({"ok": 1, "failed": {"n": None}}, '{"ok": 1, "failed": {"n": null}}'),
    ],
)
def test_one_value_is_on_one_line(value: Any, text: str) -> None:
    assert json.value(value) == text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), values))
def test_any_record_reads_back_as_it_was(record: dict[str, Any]) -> None:
    text = json.record(record)
    assert "\n" not in text
    assert text.isascii()
    assert standard.loads(text) == record


@given(st.dictionaries(st.text().filter(lambda key: key != "schemaVersion"), values))
def test_any_document_reads_back_as_it_was(record: dict[str, Any]) -> None:
    assert standard.loads(json.document(record)) == record | {"schemaVersion": 1}


def test_the_layout_of_a_document_is_fixed() -> None:
    document = {"prices": [{"symbol": "BTC", "price": Number("1.0")}, {"symbol": "ETH"}], "errors": [], "n": {"ok": 2}}
    assert json.document(document) == (
        "{\n"
        '  "prices": [\n'
        '    {"symbol": "BTC", "price": 1.0},\n'
        '    {"symbol": "ETH"}\n'
        "  ],\n"
        '  "errors": [],\n'
        '  "n": {"ok": 2},\n'
        '  "schemaVersion": 1\n'
        "}\n"
    )


def test_each_line_of_json_lines_stands_alone() -> None:
    assert list(json.lines([{"a": 1}, {"a": None, "schemaVersion": 1}])) == [
        '{"a": 1, "schemaVersion": 1}\n',
        '{"a": null, "schemaVersion": 1}\n',
    ]
