"""The file that all processes share: what is in it is obeyed, what is wrong with it heals."""

import fcntl
import os
import stat

import pytest

from asking import NOON_MS, SleptClock
from pricectl.config import load
from pricectl.errors import RateLimited, Refused
from pricectl.home import Home
from pricectl.net import Host
from pricectl.state import Ledger, Outcome, ledger

HOST = Host("yahoo", rate_per_s=2.0, burst=10, at_once=4)


def opened(home, clock, **flags: str) -> Ledger:
    return Ledger(load(Home(str(home)), {}, flags), clock)


def granted(book: Ledger, most: int = 50) -> int:
    """How many requests may be sent at once."""
    for count in range(most):
        if book.take(HOST, 1, True) > 0:
            return count
    return most


def file_of(home) -> str:
    return str(home / "state" / "yahoo.ledger")


def test_one_budget_for_all(tmp_path):
    clock = SleptClock()
    one, other = opened(tmp_path, clock), opened(tmp_path, clock)
    assert [one.take(HOST, 4, True), other.take(HOST, 4, True)] == [0.0, 0.0]
    assert one.take(HOST, 4, True) == pytest.approx(1.0)
    assert granted(other) == 2
    clock.advance(1.0)
    assert granted(one) == 2


def test_a_pause_is_obeyed_by_the_next_process_to_the_second(tmp_path):
    clock = SleptClock()
    assert opened(tmp_path, clock).cool_down(HOST, 17.0, "HTTP 429") == pytest.approx(17.0)
    clock.advance(16.9)
    with pytest.raises(RateLimited) as caught:
        opened(tmp_path, clock).take(HOST, 1, True)
    assert caught.value.retry_after_s == pytest.approx(0.1)
    clock.advance(0.1)
    assert opened(tmp_path, clock).take(HOST, 1, True) == 0.0


def test_a_provider_s_pause_is_its_own(tmp_path):
    book = opened(tmp_path, SleptClock())
    book.cool_down(HOST, 17.0, "HTTP 429")
    assert book.take(HOST._replace(name="binance"), 1, True) == 0.0


@pytest.mark.parametrize("jump_s", [-3 * 3600, -61, -1, 1, 61, 3 * 3600, 400 * 86400])
def test_no_jump_of_the_wall_clock_changes_anything(tmp_path, jump_s):
    clock = SleptClock()
    book = opened(tmp_path, clock)
    assert granted(book) == 10
    book.cool_down(HOST, 100.0, "HTTP 429")
    clock.wall_ms += jump_s * 1000
    after = opened(tmp_path, clock)
    with pytest.raises(RateLimited) as caught:
        after.take(HOST, 1, True)
    assert caught.value.retry_after_s == pytest.approx(100.0)
    assert after.snapshot(HOST).available == pytest.approx(0.0)


def rebooted(clock: SleptClock, monkeypatch, off_s: float) -> SleptClock:
    """The clocks after a reboot that took ``off_s`` seconds."""
    monkeypatch.setattr(ledger, "_boot_id", lambda: "another boot")
    again = SleptClock()
    again.passed = 20.0
    again.wall_ms = clock.wall_ms + round(off_s * 1000)
    return again


def test_a_ban_outlives_a_reboot_by_the_wall_clock(tmp_path, monkeypatch):
    clock = SleptClock()
    opened(tmp_path, clock).cool_down(HOST, 3600.0, "HTTP 418", banned=True)
    clock = rebooted(clock, monkeypatch, 600)
    with pytest.raises(RateLimited) as caught:
        opened(tmp_path, clock).take(HOST, 1, True)
    assert caught.value.retry_after_s == pytest.approx(3000.0)
    assert caught.value.banned
    clock.advance(3000.0)
    assert opened(tmp_path, clock).take(HOST, 1, True) == 0.0


def test_a_reboot_with_the_clock_set_back_blocks_no_longer_than_the_pause(tmp_path, monkeypatch):
    clock = SleptClock()
    opened(tmp_path, clock).cool_down(HOST, 3600.0, "HTTP 418", banned=True)
    clock = rebooted(clock, monkeypatch, -400 * 86400)
    with pytest.raises(RateLimited) as caught:
        opened(tmp_path, clock).take(HOST, 1, True)
    assert caught.value.retry_after_s == pytest.approx(3600.0)


def test_a_machine_restored_from_a_snapshot_is_a_reboot(tmp_path):
    clock = SleptClock()
    assert granted(opened(tmp_path, clock)) == 10
    clock.passed -= 500.0
    assert granted(opened(tmp_path, clock)) == 0
    clock.advance(5.0)
    assert granted(opened(tmp_path, clock)) == 10


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-2],
        lambda data: data.replace(b"429", b"430"),
        lambda data: bytes(len(data)),
        lambda data: os.urandom(len(data)),
        lambda data: b"nonsense",
        lambda data: b"00000000 {}",
        lambda data: data + b"more",
        lambda data: "é".encode() * 5000,
    ],
    ids=["empty", "byte", "half", "short", "digit", "zeros", "random", "text", "json", "longer", "huge"],
)
def test_a_damaged_file_heals_at_once(tmp_path, damage):
    clock = SleptClock()
    book = opened(tmp_path, clock)
    book.cool_down(HOST, 17.0, "HTTP 429")
    with open(file_of(tmp_path), "rb") as file:
        data = file.read()
    with open(file_of(tmp_path), "wb") as file:
        file.write(damage(data))
    after = opened(tmp_path, clock)
    assert after.snapshot(HOST).pause_s == 0.0
    assert granted(after) == 10
    assert after.snapshot(HOST).shared
    assert granted(opened(tmp_path, clock)) == 0  # and what is written now is whole


@pytest.mark.parametrize("name", ["budget_at", "strikes", "reason", "banned"])
@pytest.mark.parametrize("value", [None, "x", [], 10**400, True, 1.5])
def test_a_fact_of_the_wrong_kind_is_damage(tmp_path, name, value):
    import json
    import zlib

    from pricectl.state.account import Account

    clock = SleptClock()
    book = opened(tmp_path, clock)
    book.take(HOST, 1, True)
    facts = {"boot": ledger._boot_id(), "at": 1000.0, "wall_ms": NOON_MS, **Account()._asdict(), name: value}
    text = json.dumps(facts).encode()
    with open(file_of(tmp_path), "wb") as file:
        file.write(b"%08x %s\n" % (zlib.crc32(text), text))
    assert granted(opened(tmp_path, clock)) in (9, 10)


def test_a_flipped_bit_is_never_a_longer_pause(tmp_path):
    clock = SleptClock()
    opened(tmp_path, clock).cool_down(HOST, 17.0, "HTTP 429")
    with open(file_of(tmp_path), "rb") as file:
        data = file.read()
    for position in range(len(data)):
        flipped = data[position] ^ (1 << position % 8)
        with open(file_of(tmp_path), "wb") as file:
            file.write(data[:position] + bytes([flipped]) + data[position + 1 :])
        assert opened(tmp_path, clock).snapshot(HOST).pause_s in (0.0, pytest.approx(17.0))


def test_the_folder_is_made_private_when_it_is_missing(tmp_path):
    opened(tmp_path / "new", SleptClock()).take(HOST, 1, True)
    assert stat.S_IMODE(os.stat(tmp_path / "new" / "state").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(file_of(tmp_path / "new")).st_mode) == 0o600


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o022])
def test_in_a_home_open_to_a_group_the_file_can_be_read_by_it(tmp_path, umask):
    (tmp_path / "state").mkdir()
    os.chmod(tmp_path / "state", 0o2750)
    before = os.umask(umask)
    try:
        opened(tmp_path, SleptClock()).take(HOST, 1, True)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(file_of(tmp_path)).st_mode) == 0o640


def unwritable(monkeypatch) -> None:
    """Every opening for writing fails, as in a folder of another account (the tests may run as root)."""
    real = os.open

    def refuse(path, flags, *rest, **named):
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)


def test_without_a_writable_folder_it_works_at_half_the_rate(tmp_path, monkeypatch):
    unwritable(monkeypatch)
    clock = SleptClock()
    book = opened(tmp_path, clock)
    assert granted(book) == 5
    assert book.take(HOST, 1, True) == pytest.approx(1.0)
    assert not book.snapshot(HOST).shared
    assert not (tmp_path / "state").exists()


def test_without_a_writable_folder_it_still_obeys_the_pauses_that_it_can_read(tmp_path, monkeypatch):
    clock = SleptClock()
    opened(tmp_path, clock).cool_down(HOST, 17.0, "HTTP 429")
    other = HOST._replace(name="binance")
    for _ in range(5):
        opened(tmp_path, clock).report(other, Outcome.FAILED)
    unwritable(monkeypatch)
    book = opened(tmp_path, clock)
    with pytest.raises(RateLimited):
        book.take(HOST, 1, True)
    with pytest.raises(Refused):
        book.take(other, 1, True)
    clock.advance(17.0)
    assert book.take(HOST, 1, True) == 0.0


def test_without_a_writable_folder_it_keeps_its_own_pauses_and_breaker(tmp_path, monkeypatch):
    unwritable(monkeypatch)
    book = opened(tmp_path, SleptClock())
    book.cool_down(HOST, 17.0, "HTTP 429")
    with pytest.raises(RateLimited):
        book.take(HOST, 1, True)


def test_a_file_in_place_of_the_folder_costs_the_sharing_and_not_the_answer(tmp_path):
    (tmp_path / "state").write_text("in the way")
    book = opened(tmp_path, SleptClock())
    assert granted(book) == 5
    assert not book.snapshot(HOST).shared


def test_read_only_writes_nothing(tmp_path):
    book = opened(tmp_path, SleptClock(), read_only="true")
    assert granted(book) == 5
    book.report(HOST, Outcome.ANSWERED)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_costs_the_sharing_and_not_the_answer(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    book = opened(tmp_path, SleptClock())
    assert granted(book) == 5
    assert not book.snapshot(HOST).shared


def test_a_lock_that_is_not_given_back_costs_the_sharing_and_not_the_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "LOCK_WAIT_S", 0.02)
    clock = SleptClock()
    opened(tmp_path, clock).take(HOST, 1, True)
    with open(file_of(tmp_path), "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        book = opened(tmp_path, clock)
        assert granted(book) == 5
        assert not book.snapshot(HOST).shared
    assert granted(opened(tmp_path, clock)) == 9


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path):
    (tmp_path / "state").mkdir()
    target = tmp_path / "precious"
    target.write_text("mine")
    (tmp_path / "state" / "yahoo.ledger").symlink_to(target)
    assert granted(opened(tmp_path, SleptClock())) == 5
    assert target.read_text() == "mine"


def test_the_snapshot_tells_the_standing_and_changes_nothing(tmp_path):
    clock = SleptClock()
    book = opened(tmp_path, clock)
    host = HOST._replace(weight_per_minute=6000)
    assert book.snapshot(host) == ("yahoo", 10.0, 0, 6000, 0.0, "", False, "closed", 0.0, True, 0)
    assert not (tmp_path / "state").exists()
    book.take(host, 4, True)
    book.report(host, Outcome.ANSWERED, 41, 12.0)
    book.cool_down(host, 17.0, "HTTP 418", banned=True)
    got = book.snapshot(host)
    assert got.available == pytest.approx(6.0)
    assert (got.used, got.reason, got.banned, got.breaker) == (41, "HTTP 418", True, "closed")
    assert got.pause_s == pytest.approx(17.0)
    clock.advance(17.0)
    assert (book.snapshot(host).reason, book.snapshot(host).used) == ("", 0)
    for _ in range(5):
        book.report(host, Outcome.FAILED)
    assert book.snapshot(host).breaker == "open"
    clock.advance(61.0)
    assert book.snapshot(host).breaker == "half-open"


def test_the_requests_of_the_last_minute_are_told(tmp_path):
    clock = SleptClock()
    book = opened(tmp_path, clock)
    wide = HOST._replace(rate_per_s=100.0, burst=1000)

    def send(requests: int, weight: int = 1) -> None:
        for _ in range(requests):
            assert book.take(wide, weight, True) == 0.0

    send(30, weight=4)  # a request is one, whatever it weighs
    assert book.snapshot(wide).requests == 30
    clock.advance(59.0)
    send(10)
    assert book.snapshot(wide).requests == 40
    clock.advance(16.0)  # 15 s into the next minute: a quarter of the 40 is older than a minute
    assert book.snapshot(wide).requests == 30
    send(8)
    assert book.snapshot(wide).requests == 48  # a new minute begins with these, the 40 are the one before
    clock.advance(30.0)
    assert book.snapshot(wide).requests == 28
    clock.advance(90.0)
    assert book.snapshot(wide).requests == 0
    send(1)
    assert book.snapshot(wide).requests == 1


@pytest.mark.parametrize(("written", "damaged"), [(b"00000000 {}\n", True), (b"\xff", True), (b"", False)])
def test_damage_is_told(tmp_path, written, damaged):
    book = opened(tmp_path, SleptClock())
    assert not book.damaged("yahoo")
    book.take(HOST, 1, True)
    assert not book.damaged("yahoo")
    (tmp_path / "state" / "yahoo.ledger").write_bytes(written)
    assert book.damaged("yahoo") is damaged
    book.take(HOST, 1, True)
    assert not book.damaged("yahoo")
