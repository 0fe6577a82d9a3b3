"""The decisions about one provider: budget, pause, breaker. Pure, on a clock of their own."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.errors import RateLimited, Refused
from pricectl.state.account import Account, Outcome, admit, counted, moved, paused, sane, settled, span, stricter

NOW = 5000.0


class Facts(NamedTuple):
    name: str = "yahoo"
    rate_per_s: float = 2.0
    burst: int = 10
    weight_per_minute: int = 0
    pauses_s: tuple[float, ...] = (10.0, 20.0)


LIMITS = Facts()


def admitted(account: Account, times: int, now: float = NOW, weight: int = 1, limits: Facts = LIMITS) -> Account:
    for _ in range(times):
        account, wait = admit(account, limits, weight, True, now)
        assert wait == 0.0
    return account


def test_the_burst_goes_at_once_and_then_the_rate():
    spent = admitted(Account(), 10)
    same, wait = admit(spent, LIMITS, 1, True, NOW)
    assert (same, wait) == (spent, pytest.approx(0.5))
    admitted(spent, 1, NOW + 0.5)
    admitted(spent, 10, NOW + 5.0)


def test_less_than_a_millisecond_is_no_wait():
    spent = admitted(Account(), 10)
    assert admit(spent, LIMITS, 1, True, NOW + 0.498)[1] == pytest.approx(0.002)
    assert admit(spent, LIMITS, 1, True, NOW + 0.4995)[1] == 0.0


def test_waiting_reserves_nothing():
    spent = admitted(Account(), 10)
    for _ in range(5):
        spent, wait = admit(spent, LIMITS, 1, True, NOW)
        assert wait == pytest.approx(0.5)


def test_cron_leaves_a_fifth_of_the_burst():
    account = Account()
    for _ in range(8):
        account, wait = admit(account, LIMITS, 1, False, NOW)
        assert wait == 0.0
    assert admit(account, LIMITS, 1, False, NOW)[1] == pytest.approx(0.5)
    admitted(account, 2)


def test_a_weight_above_the_burst_waits_for_a_full_budget_and_is_paid_whole():
    account = admitted(Account(), 1, weight=80)
    assert admit(account, LIMITS, 1, True, NOW)[1] == pytest.approx(35.5)
    assert admit(account, LIMITS, 80, False, NOW)[1] == pytest.approx(40.0)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 4)), max_size=60),
    st.floats(0.5, 20),
    st.integers(4, 20),
)
def test_no_window_ever_sees_more_than_burst_and_rate(steps, rate, burst):
    limits = Facts(rate_per_s=rate, burst=burst)
    account, now, sent = Account(), NOW, []
    for pause, weight in steps:
        now += pause
        account, wait = admit(account, limits, weight, True, now)
        if wait == 0.0:
            sent.append((now, weight))
    for first, (start, _) in enumerate(sent):
        for last in range(first, len(sent)):
            total = sum(weight for _, weight in sent[first : last + 1])
            assert total <= burst + rate * (sent[last][0] - start + 0.001) + 1e-6  # SOON_S counts as no wait


def test_the_provider_s_count_stops_all_at_four_fifths_until_its_minute_turns():
    limits = Facts(burst=1000, rate_per_s=1000.0, weight_per_minute=100)
    account = counted(Account(), 79, 20.0, NOW)
    assert admit(account, limits, 2, True, NOW)[1] == pytest.approx(20.0)
    account = admitted(account, 1, limits=limits)
    assert account.used == 80
    assert admit(account, limits, 1, True, NOW + 19.0)[1] == pytest.approx(1.0)
    assert admitted(account, 1, NOW + 20.0, limits=limits).used == 0


def test_cron_stops_earlier_in_the_provider_s_minute():
    limits = Facts(burst=1000, rate_per_s=1000.0, weight_per_minute=100)
    account = counted(Account(), 64, 20.0, NOW)
    assert admit(account, limits, 1, False, NOW)[1] == pytest.approx(20.0)
    assert admit(account, limits, 1, True, NOW)[1] == 0.0


def test_our_count_is_raised_never_lowered_within_a_minute():
    account = counted(Account(), 50, 20.0, NOW)
    assert counted(account, 40, 19.0, NOW + 1.0).used == 50
    assert counted(account, 60, 19.0, NOW + 1.0).used == 60
    assert counted(account, 3, 60.0, NOW + 20.0).used == 3


def test_a_single_request_above_the_share_is_let_through_in_a_fresh_minute():
    limits = Facts(burst=1000, rate_per_s=1000.0, weight_per_minute=100)
    admitted(counted(Account(), 0, 20.0, NOW), 1, weight=90, limits=limits)


def test_a_pause_is_kept_by_everyone_until_it_ends():
    account, seconds = paused(Account(), LIMITS, NOW, 17.0, "HTTP 429", False)
    assert seconds == 17.0
    with pytest.raises(RateLimited) as caught:
        admit(account, LIMITS, 1, True, NOW + 16.5)
    assert caught.value.retry_after_s == pytest.approx(0.5)
    assert str(caught.value) == "yahoo asked for a pause (HTTP 429): 1 s of it are left"
    assert caught.value.hint
    admitted(account, 1, NOW + 17.0)


def test_a_ban_says_so():
    account, _ = paused(Account(), LIMITS, NOW, None, "HTTP 418", True)
    with pytest.raises(RateLimited, match="has banned this address") as caught:
        admit(account, LIMITS, 1, True, NOW + 119.0)
    assert caught.value.banned
    admitted(account, 1, NOW + 120.0)


def test_a_shorter_pause_does_not_end_a_longer_one():
    account, _ = paused(Account(), LIMITS, NOW, 300.0, "HTTP 418", True)
    account, seconds = paused(account, LIMITS, NOW + 1, 10.0, "HTTP 429", False)
    assert seconds == pytest.approx(299.0)
    assert (account.reason, account.banned) == ("HTTP 418", True)


def test_requests_in_flight_that_hear_of_the_same_limit_are_one_strike():
    account = Account()
    for _ in range(4):
        account, seconds = paused(account, LIMITS, NOW, None, "HTTP 429", False)
        assert seconds == pytest.approx(10.0)
    account = settled(account, Outcome.ANSWERED, NOW + 1, 0.0)  # sent before the pause
    assert account.strikes == 1
    assert paused(account, LIMITS, NOW + 11, None, "HTTP 429", False)[1] == pytest.approx(20.0)
    account = settled(account, Outcome.ANSWERED, NOW + 11, 0.0)
    assert account.strikes == 0


def failing(account: Account, times: int, now: float = NOW, outcome: Outcome = Outcome.FAILED) -> Account:
    for _ in range(times):
        account = settled(account, outcome, now, 0.0)
    return account


def test_five_failures_in_a_row_open_the_breaker():
    account = failing(Account(), 4)
    admitted(account, 1)
    account = failing(account, 1)
    with pytest.raises(Refused, match="30 s"):
        admit(account, LIMITS, 1, True, NOW)


def test_an_answer_between_starts_the_row_again():
    account = settled(failing(Account(), 4), Outcome.ANSWERED, NOW, 0.0)
    admitted(failing(account, 4), 1)


def test_half_of_twenty_failing_opens_it_too():
    account = Account()
    for _ in range(9):
        account = settled(settled(account, Outcome.FAILED, NOW, 0.0), Outcome.ANSWERED, NOW, 0.0)
    account = settled(account, Outcome.ANSWERED, NOW, 0.0)
    admitted(account, 1)
    account = failing(account, 1)
    assert account.open_at == NOW + 30.0


def test_failures_of_an_earlier_minute_are_forgotten():
    account = Account()
    for _ in range(9):
        account = settled(settled(account, Outcome.FAILED, NOW, 0.0), Outcome.ANSWERED, NOW, 0.0)
    account = failing(settled(account, Outcome.ANSWERED, NOW, 0.0), 1, NOW + 60.0)
    admitted(account, 1, NOW + 60.0)


def test_a_closed_door_opens_it_at_once():
    assert failing(Account(), 1, outcome=Outcome.REFUSED).open_at == NOW + 30.0


def test_the_jitter_spreads_the_opening():
    assert settled(failing(Account(), 4), Outcome.FAILED, NOW, 0.999).open_at == pytest.approx(NOW + 59.97)


def test_one_probe_at_a_time_and_the_others_wait_for_it():
    account = failing(Account(), 5)
    account, wait = admit(account, LIMITS, 1, True, NOW + 30.0)
    assert wait == 0.0
    assert admit(account, LIMITS, 1, True, NOW + 30.0)[1] == 0.25
    admitted(settled(account, Outcome.ANSWERED, NOW + 31.0, 0.0), 5, NOW + 31.0)
    assert failing(account, 1, NOW + 31.0).open_at == NOW + 91.0


def test_a_probe_that_was_killed_gives_way():
    account, _ = admit(failing(Account(), 5), LIMITS, 1, True, NOW + 30.0)
    assert admit(account, LIMITS, 1, True, NOW + 44.9)[1] == pytest.approx(0.1)
    admitted(account, 1, NOW + 45.0)


def test_a_probe_that_was_given_up_gives_way_at_once():
    account, _ = admit(failing(Account(), 5), LIMITS, 1, True, NOW + 30.0)
    admitted(settled(account, Outcome.ABANDONED, NOW + 31.0, 0.0), 1, NOW + 31.0)


def test_failures_that_were_on_their_way_do_not_lengthen_it():
    account = failing(Account(), 5)
    assert failing(account, 4, NOW + 1.0).open_at == account.open_at


@pytest.mark.parametrize("field", [name for name in Account._fields if name.endswith("_at")])
@pytest.mark.parametrize("beyond", [float("inf"), 1e12, NOW + 400 * 86400.0])
def test_an_instant_that_no_rule_could_have_written_does_not_block(field, beyond):
    account = sane(Account(trips=1)._replace(**{field: beyond}), LIMITS, NOW)
    admitted(account, 1)


def test_what_a_rule_wrote_is_kept():
    account = Account(
        NOW + 5, NOW + 60, 3, NOW + 3 * 86400, "HTTP 418", True, 1, 2, NOW + 60, 3, 2, NOW + 900, 1, NOW + 15
    )
    assert sane(account, LIMITS, NOW) == account


def test_all_instants_move_together():
    account = moved(Account(*range(1, len(Account._fields) + 1)), 100.0)
    assert (account.budget_at, account.minute_at, account.used, account.probe_at) == (101.0, 102.0, 3, 114.0)


def test_of_two_accounts_the_later_pause_and_opening_count():
    own = Account(paused_at=10.0, open_at=99.0, trips=1)
    seen = Account(paused_at=50.0, reason="HTTP 418", banned=True, open_at=20.0)
    both = stricter(own, seen)
    assert (both.paused_at, both.banned, both.open_at) == (50.0, True, 99.0)
    assert stricter(Account(), Account(open_at=5.0, trips=2)).trips == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.1, "1 s"),
        (17.0, "17 s"),
        (30.0001, "30 s"),
        (119.1, "120 s"),
        (120.0, "2 min"),
        (120.0001, "2 min"),
        (121.0, "3 min"),
        (7200.0, "2 h"),
        (259200.0, "72 h"),
    ],
)
def test_spans_are_rounded_up(seconds, text):
    assert span(seconds) == text
