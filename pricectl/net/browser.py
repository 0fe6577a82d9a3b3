"""Passing for a browser, where the optional httpx-curl-cffi is installed: some hosts judge by the handshake."""

import os
from typing import Any
from urllib.parse import urlsplit


def transport(browser: str, base: str, at_once: int, body_max: int) -> Any:
    """A transport with the handshake and the headers of ``browser``; None where the package is not installed.

    httpx takes no proxy and no CA file from the environment for a transport that is handed in, so both are handed in.
    """
    try:
        from httpx_curl_cffi import AsyncCurlTransport, CurlOpt  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    return AsyncCurlTransport(
        impersonate=browser,
        default_headers=True,
        proxy=proxy_for(base),
        verify=os.environ.get("SSL_CERT_FILE") or True,
        max_connections=at_once,
        curl_options={
            # Parallel requests over one reused connection fail in curl_cffi (its issues 302 and 319).
            CurlOpt.FRESH_CONNECT: True,
            # libcurl decodes ahead of the reader, without a bound of its own: 1 MB of gzip became 1 GiB (measured).
            CurlOpt.MAXFILESIZE: body_max,
        },
    )


def proxy_for(base: str) -> str | None:
    """The proxy that the environment names for an address, as curl and httpx read it; None for none."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.hostname or ""):
        return None
    return found if "://" in found else f"http://{found}"
