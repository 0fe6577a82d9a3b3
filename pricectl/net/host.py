"""What is known of a provider's host, and what is asked of it."""

from typing import NamedTuple


class Host(NamedTuple):
    """The facts of one provider's host; each provider's module defines one.

    ``rate_per_s`` and ``burst`` are the request budget of the whole machine, in the provider's own weights (1 a
    request where it does not weigh). ``pauses_s``: how long to stay away after a 429 without Retry-After, longer each
    time in a row; not used where ``weight_per_minute`` says that the provider counts by the minute.
    """

    name: str  # also the settings key: settings.url(name)
    rate_per_s: float
    burst: int
    at_once: int  # requests in flight, in one process
    headers: tuple[tuple[str, str], ...] = ()
    used_weight_header: str = ""  # the provider's own count of the minute under way: "x-mbx-used-weight-1m"
    weight_per_minute: int = 0  # the limit that this header counts against (0: it does not count)
    reads: frozenset[int] = frozenset({400, 404, 422})  # statuses whose body the provider's reading function explains
    pauses_s: tuple[float, ...] = (10.0, 20.0, 40.0, 60.0)
    ciphers: str = ""  # TLS 1.2 cipher list in OpenSSL's notation, where the host judges clients by it
    key: tuple[str, str] | None = None  # the header that carries our key, and what stands before it
    impersonate: str = ""  # the browser to pass for where httpx-curl-cffi is installed: "chrome"


class Request(NamedTuple):
    """A GET: ``path`` is absolute and percent-encoded, ``params`` are not; ``weight`` is what it costs the budget."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    weight: int = 1
