"""What one provider is owed and forbids: the request budget, the pause it asked for, the breaker. Pure decisions.

Instants (``*_at``) are seconds on the machine's boot clock; ``now`` is always handed in. Three layers, asked in this
order: the pause (429, 418: nobody sends), the breaker (it is failing: one probe at a time), the budget (a queue).
"""

import enum
import math
from typing import NamedTuple, Protocol

from pricectl.errors import RateLimited, Refused

PERSONS_SHARE = 0.2  # of the burst and of the provider's minute: kept for people, out of reach of cron
MINUTE_SHARE = 0.8  # of the provider's own count a minute; the rest is for what it counts and we do not see
PAUSE_MAX_S = 6 * 3600.0  # a longer Retry-After is a mistake, or a ban
BAN_S, BAN_MAX_S = 120.0, 3 * 86400.0  # Binance bans for 2 minutes, growing to 3 days (its rest-api.md)
OPEN_S, OPEN_MAX_S = 30.0, 900.0
FAILURES = 5  # in a row, or half of at least WINDOW_ASKED within WINDOW_S, open the breaker
WINDOW_S, WINDOW_ASKED = 60.0, 20
PROBE_S = 15.0  # a probe that was killed gives way to the next one after this
PROBE_POLL_S = 0.25
SLACK_S = 1.0  # how far two readings of the boot clock may disagree
SOON_S = 0.001  # a wait that is not worth a sleep, which would end a hair too early as often as not
HEAVIEST_S = 300.0  # no single request costs more of its provider's rate than this


class Limits(Protocol):
    """What the ledger needs to know of a provider's host. ``net.Host`` is one."""

    @property
    def name(self) -> str: ...
    @property
    def rate_per_s(self) -> float: ...
    @property
    def burst(self) -> int: ...
    @property
    def weight_per_minute(self) -> int: ...
    @property
    def pauses_s(self) -> tuple[float, ...]: ...


class Outcome(enum.Enum):
    """How an attempt ended, as far as the breaker is concerned."""

    ANSWERED = "answered"  # the provider is there, whatever it said
    FAILED = "failed"  # it broke off, timed out, answered 5xx
    UNREACHABLE = "unreachable"  # no connection: as likely our own network, so the breaker never opens for long
    REFUSED = "refused"  # the door is closed (403, 451): opens at once
    ABANDONED = "abandoned"  # we did not wait for the answer


class Account(NamedTuple):
    """The facts of one provider, as they are kept. The defaults are those of a provider never asked."""

    budget_at: float = 0.0  # when the budget is full again (the theoretical arrival time of GCRA)
    minute_at: float = 0.0  # when the provider's minute turns
    used: int = 0  # weight used in that minute: ours, raised to what the provider says
    paused_at: float = 0.0  # nothing is sent before this
    reason: str = ""
    banned: bool = False
    strikes: int = 0  # pauses in a row without an answer between them
    failures: int = 0  # in a row
    window_at: float = 0.0
    asked: int = 0  # in the window
    failed: int = 0
    open_at: float = 0.0  # the breaker lets nothing through before this
    trips: int = 0  # openings in a row; 0: closed
    probe_at: float = 0.0  # a probe is under way until this
    count_at: float = 0.0  # when the minute ends in which these were sent
    sent: int = 0  # requests, whatever each of them weighs
    sent_before: int = 0  # in the minute before that one


class Snapshot(NamedTuple):
    """A provider's standing now, for people: seconds from now, weights, words."""

    name: str
    available: float  # weight that may be sent at once
    used: int  # weight used in the provider's minute
    weight_per_minute: int
    pause_s: float
    reason: str
    banned: bool
    breaker: str  # closed, open, half-open
    breaker_s: float
    shared: bool  # false: this process keeps to half the rate by itself
    requests: int  # sent within the last minute, as near as two counted minutes tell


def sane(account: Account, limits: Limits, now: float) -> Account:
    """The account without instants that no rule could have written: they would block the provider for ever."""
    ahead = now + SLACK_S
    pause = BAN_MAX_S if account.banned else PAUSE_MAX_S
    full = limits.burst / limits.rate_per_s + HEAVIEST_S
    return account._replace(
        budget_at=account.budget_at if account.budget_at <= ahead + full else now,
        minute_at=account.minute_at if account.minute_at <= ahead + 60.0 else 0.0,
        paused_at=account.paused_at if account.paused_at <= ahead + pause else 0.0,
        window_at=account.window_at if account.window_at <= ahead + WINDOW_S else 0.0,
        open_at=account.open_at if account.open_at <= ahead + OPEN_MAX_S else 0.0,
        probe_at=account.probe_at if account.probe_at <= ahead + PROBE_S else 0.0,
        count_at=account.count_at if account.count_at <= ahead + WINDOW_S else 0.0,
    )


def moved(account: Account, by: float) -> Account:
    """The account on a clock that reads ``by`` seconds more."""
    return account._replace(**{name: at + by for name, at in account._asdict().items() if name.endswith("_at")})


def stricter(own: Account, seen: Account) -> Account:
    """The own account under the pause and the breaker of the one seen, where they end later."""
    if seen.paused_at > own.paused_at:
        own = own._replace(paused_at=seen.paused_at, reason=seen.reason, banned=seen.banned)
    if seen.open_at > own.open_at:
        own = own._replace(open_at=seen.open_at, trips=seen.trips)
    return own


def admit(account: Account, limits: Limits, weight: int, person: bool, now: float) -> tuple[Account, float]:
    """The account charged with ``weight`` and 0.0; or unchanged, and the seconds after which to ask again.

    Nothing is reserved for later: a process that is killed while it waits leaves no trace. Raises RateLimited
    during a pause, Refused while the breaker is open.
    """
    if now < account.paused_at:
        raise _paused(account, limits, account.paused_at - now)
    if now < account.open_at:
        raise Refused(
            f"{limits.name} was failing or refusing, and is not asked for another {span(account.open_at - now)}",
            "try again then; --offline answers with what is stored",
            limits.name,
        )
    probing = account.trips > 0
    if probing and now < account.probe_at:
        return account, min(account.probe_at - now, PROBE_POLL_S)
    wait = max(_budget_wait(account, limits, weight, person, now), _minute_wait(account, limits, weight, person, now))
    if wait > SOON_S:
        return account, wait
    in_minute = now < account.minute_at
    return _sent(account, now)._replace(
        budget_at=max(account.budget_at, now) + weight / limits.rate_per_s,
        used=account.used + weight if in_minute else 0,
        probe_at=now + PROBE_S if probing else 0.0,
    ), 0.0


def _sent(account: Account, now: float) -> Account:
    """One more request counted."""
    if now < account.count_at:
        return account._replace(sent=account.sent + 1)
    before = account.sent if now < account.count_at + WINDOW_S else 0
    return account._replace(count_at=now + WINDOW_S, sent=1, sent_before=before)


def _sent_lately(account: Account, now: float) -> int:
    """The requests of the last minute: those of the minute under way, and the share of the one before that the last
    60 seconds reach into."""
    left = account.count_at - now
    if left > 0:
        return account.sent + round(account.sent_before * min(left / WINDOW_S, 1.0))
    return round(account.sent * max(left / WINDOW_S + 1.0, 0.0))


def _share(person: bool) -> float:
    return 1.0 if person else 1.0 - PERSONS_SHARE


def _budget_wait(account: Account, limits: Limits, weight: int, person: bool, now: float) -> float:
    room = max(limits.burst * _share(person), weight)  # more than the burst at once: only from a full budget
    return max(account.budget_at, now) + (weight - room) / limits.rate_per_s - now


def _minute_wait(account: Account, limits: Limits, weight: int, person: bool, now: float) -> float:
    if not limits.weight_per_minute or now >= account.minute_at or not account.used:
        return 0.0
    room = limits.weight_per_minute * MINUTE_SHARE * _share(person)
    return account.minute_at - now if account.used + weight > room else 0.0


def counted(account: Account, used: int, minute_left_s: float, now: float) -> Account:
    """Raised to the provider's own count: ``used`` weight in a minute that turns in ``minute_left_s`` seconds."""
    turns = now + min(max(minute_left_s, 0.0), 60.0)
    # The two clocks and the way back differ by seconds: nearer than half a minute is the same minute.
    same = now < account.minute_at and abs(turns - account.minute_at) < 30.0
    return account._replace(minute_at=turns, used=max(account.used, used) if same else used)


def settled(account: Account, outcome: Outcome, now: float, jitter: float) -> Account:
    """After an attempt that ended as ``outcome``; ``jitter`` in [0, 1) spreads the opening over 30 to 60 s."""
    if outcome is Outcome.ABANDONED:
        return account._replace(probe_at=0.0)
    if now >= account.window_at:
        account = account._replace(window_at=now + WINDOW_S, asked=0, failed=0)
    account = account._replace(asked=account.asked + 1)
    if now < account.open_at and outcome is not Outcome.REFUSED:
        return account  # sent before it opened: says nothing new
    if outcome is Outcome.ANSWERED:
        strikes = account.strikes if now < account.paused_at else 0  # sent before the pause: says nothing new
        return account._replace(failures=0, strikes=strikes, trips=0, open_at=0.0, probe_at=0.0)
    account = account._replace(failures=account.failures + 1, failed=account.failed + 1)
    mostly = account.asked >= WINDOW_ASKED and account.failed * 2 >= account.asked
    if outcome is not Outcome.REFUSED and not account.trips and account.failures < FAILURES and not mostly:
        return account
    longest = 2 * OPEN_S if outcome is Outcome.UNREACHABLE else OPEN_MAX_S
    open_s = min(OPEN_S * 2.0 ** min(account.trips, 10) * (1.0 + jitter), longest)
    return account._replace(open_at=now + open_s, trips=account.trips + 1, probe_at=0.0)


def paused(
    account: Account, limits: Limits, now: float, asked_s: float | None, reason: str, banned: bool
) -> tuple[Account, float]:
    """The account under a pause, and its seconds. ``asked_s`` None: the provider did not say how long; then until
    its minute turns where it counts by the minute, else the host's own ``pauses_s``, longer each time in a row."""
    if asked_s is None:
        asked_s = BAN_S if banned else _unsaid(account, limits, now)
    seconds = min(max(asked_s, 1.0), BAN_MAX_S if banned else PAUSE_MAX_S)
    # Several requests in flight hear of the same limit: that is one strike.
    strikes = account.strikes if now < account.paused_at else account.strikes + 1
    longer = now + seconds >= account.paused_at
    return account._replace(
        paused_at=max(now + seconds, account.paused_at),
        reason=reason if longer else account.reason,
        banned=banned or (account.banned and now < account.paused_at),
        strikes=strikes,
        probe_at=0.0,
    ), max(now + seconds, account.paused_at) - now


def _unsaid(account: Account, limits: Limits, now: float) -> float:
    if limits.weight_per_minute:
        return account.minute_at - now if now < account.minute_at else 60.0
    if now < account.paused_at:
        return account.paused_at - now
    return limits.pauses_s[min(account.strikes, len(limits.pauses_s) - 1)]


def _paused(account: Account, limits: Limits, left_s: float) -> RateLimited:
    what = "has banned this address" if account.banned else "asked for a pause"
    return RateLimited(
        f"{limits.name} {what} ({account.reason}): {span(left_s)} of it are left",
        "try again then; --offline answers with what is stored",
        limits.name,
        left_s,
        account.banned,
    )


def span(seconds: float) -> str:
    """``17 s``, ``5 min``, ``3 h``: whole units, rounded up, so that nobody comes back too early."""
    size, unit = next(((size, unit) for size, unit in ((3600, "h"), (60, "min")) if seconds >= 2 * size), (1, "s"))
    return f"{math.ceil(seconds / size - 0.01)} {unit}"  # 120.0001 s are 2 min


def standing(account: Account, limits: Limits, now: float, shared: bool) -> Snapshot:
    """The account in words and numbers for people."""
    behind = max(account.budget_at - now, 0.0) * limits.rate_per_s
    is_open = now < account.open_at
    return Snapshot(
        limits.name,
        max(limits.burst - behind, 0.0),
        account.used if now < account.minute_at else 0,
        limits.weight_per_minute,
        max(account.paused_at - now, 0.0),
        account.reason if now < account.paused_at else "",
        account.banned and now < account.paused_at,
        "open" if is_open else "half-open" if account.trips else "closed",
        max(account.open_at - now, 0.0),
        shared,
        _sent_lately(account, now),
    )
