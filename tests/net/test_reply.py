"""The strict JSON reader."""

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.errors import BadPayload
from pricectl.net import Reply


def reply(body: bytes) -> Reply:
    return Reply(200, {}, body, 0, 0)


def test_numbers_keep_the_digits_of_the_provider():
    got = reply(b'{"a":1.50,"b":166.69000244140625,"c":1518,"d":1e-7,"e":-0.0}').json()
    assert [str(got[key]) for key in "abcde"] == ["1.50", "166.69000244140625", "1518", "1E-7", "-0.0"]
    assert type(got["c"]) is int
    assert type(got["a"]) is Decimal


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"b":2,"a":1}}',
        b"NaN",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":1e-400}',
        b'{"a":1e999999999999999999999}',
        b'{"a":' + b"1" * 31 + b"}",
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":0.' + b"1" * 100 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":["\\uDC00"]}',
        b'{"\\ud800":1}',
        b"[" * 100_000,
        '{"a":1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":"\n"}',
        b"{'a':1}",
        b"{} {}",
        b"<html>",
        b"Too Many Requests\r\n",
    ],
)
def test_what_is_not_strict_json_is_a_bad_payload(body):
    with pytest.raises(BadPayload):
        reply(body).json()


def test_escaped_characters_outside_the_basic_plane_are_whole():
    assert reply(b'{"a":"\\ud83d\\ude00"}').json() == {"a": "😀"}


def test_constants_may_be_read_as_nothing():
    assert reply(b"[1.5,NaN,Infinity,-Infinity,null]").json(constants="null") == [
        Decimal("1.5"),
        None,
        None,
        None,
        None,
    ]


def test_the_error_shows_the_first_200_characters_without_control_characters():
    body = b"Too Many\x1b[2J Requests\r\n\x00" + "é".encode() * 500
    with pytest.raises(BadPayload) as caught:
        reply(body).json()
    shown = str(caught.value).split(": ", 1)[1]
    assert shown == "Too Many [2J Requests " + "é" * 177 + "…"
    assert len(shown) == 200


def test_an_empty_answer_is_called_empty():
    with pytest.raises(BadPayload, match="it is empty"):
        reply(b"").json()


@given(st.binary(max_size=4096))
def test_any_bytes_are_json_or_a_bad_payload(body):
    with contextlib.suppress(BadPayload):
        reply(body).json()


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_what_json_writes_is_read_back(value):
    assert reply(json.dumps(value, ensure_ascii=False).encode()).json() == value
    assert reply(json.dumps(value).encode()).json() == value
