"""The network, politely: what is asked of a host, what comes back, and the one way to ask."""

from pricectl.net.host import Host, Request
from pricectl.net.pipeline import Http
from pricectl.net.reply import Reply

__all__ = ["Host", "Http", "Reply", "Request"]
