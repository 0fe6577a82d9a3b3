"""Everything that can go wrong, on one page.

PricectlError                1   unexpected failure
├── UsageError               2   usage or configuration
│   └── ConfigError          2
├── NotFound                 4   unknown symbol or asset, in the catalogue or at the provider
├── NotFresh                 6   ``--offline`` or ``--max-age`` could not be met and nothing usable
├── ProviderError            8   a provider or the network failed
│   ├── Transient            8   time-out, connection, 5xx: retried
│   ├── RateLimited          7   429, 418, a shared budget or ban: not before ``retry_after_s``
│   ├── Refused              8   401, 403, 451, an open breaker: not retried
│   ├── UnknownSymbol        4   the provider does not know this symbol
│   └── BadPayload           8   an answer that is not what the wire format promises
├── StoreError               9   the store cannot be read or written
│   ├── Damaged              9   a part or the log is not what was written
│   ├── Unwritable           9   read-only, no space, no permission
│   │   └── Busy             9   another run is writing; 11 (Locked) where writing is all that was asked for
│   └── NewerFormat          9   written by a newer pricectl
├── Locked                  11   another run holds the lock
└── DeadlineReached         12   time is up with work left

The exit codes are those of the contract with users. ``code`` is the stable word that scripts read in JSON;
``hint`` says what to do next and is never empty for an error that a user can act on.
"""


class PricectlError(Exception):
    """An error with a stable ``code``, an ``exit_code`` and a ``hint``; ``str()`` says what happened."""

    code = "failure"
    exit_code = 1
    usual_hint = ""  # where the place that raises knows nothing better

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint or self.usual_hint


class UsageError(PricectlError):
    code = "usage"
    exit_code = 2


class ConfigError(UsageError):
    code = "config"


class NotFound(PricectlError):
    code = "not_found"
    exit_code = 4


class NotFresh(PricectlError):
    code = "not_fresh"
    exit_code = 6


class ProviderError(PricectlError):
    """A provider or the network failed; ``provider`` names which. ``asked`` is false where nothing was sent, for want
    of request budget or time, or given up too early: then it says nothing of the provider."""

    code = "provider"
    exit_code = 8
    asked = True

    def __init__(self, message: str, hint: str = "", provider: str = "") -> None:
        super().__init__(message, hint)
        self.provider = provider


class Transient(ProviderError):
    code = "unavailable"
    usual_hint = "try again in a minute"


class RateLimited(ProviderError):
    """The provider, or the shared budget, asks for a pause of ``retry_after_s`` seconds (None: not said).

    ``banned`` is true for a ban (Binance 418): no process may ask again before it ends.
    """

    code = "rate_limited"
    exit_code = 7

    def __init__(
        self,
        message: str,
        hint: str = "",
        provider: str = "",
        retry_after_s: float | None = None,
        banned: bool = False,
    ) -> None:
        super().__init__(message, hint, provider)
        self.retry_after_s = retry_after_s
        self.banned = banned


class Refused(ProviderError):
    code = "refused"


class UnknownSymbol(ProviderError):
    code = "not_found"
    exit_code = 4


class BadPayload(ProviderError):
    code = "bad_payload"
    usual_hint = "try again later; if it stays so, the provider has changed its format"


class StoreError(PricectlError):
    code = "store"
    exit_code = 9


class Damaged(StoreError):
    code = "store_damaged"


class Unwritable(StoreError):
    code = "store_unwritable"


class Busy(Unwritable):
    code = "store_busy"


class NewerFormat(StoreError):
    code = "store_newer"


class Locked(PricectlError):
    code = "locked"
    exit_code = 11


class DeadlineReached(PricectlError):
    code = "deadline"
    exit_code = 12
