"""A loopback server that sends exactly the bytes it is told to, or none: for what no HTTP library would send."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Self

DATE = "Tue, 24 Nov 2026 12:00:48 GMT"  # 1795521648 s; 12 s before the minute turns


def answer(body: bytes = b'{"a":1}', status: str = "200 OK", *headers: str, length: bool = True) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Date: {DATE}", "Connection: close", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawServer:
    """Calls ``act`` with each connection and the head of its request, then closes the connection.

    ``heads`` are the request heads received, in order; ``closing`` is set when the server stops, so that an ``act``
    that hangs has something to wait for.
    """

    def __init__(self, act: Callable[[socket.socket, str], None], tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.closing = threading.Event()
        self._act = act
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            connection.settimeout(10)
            with contextlib.suppress(OSError):
                if self._tls is not None:
                    connection = stack.enter_context(self._tls.wrap_socket(connection, server_side=True))
                head = b""
                while b"\r\n\r\n" not in head:
                    part = connection.recv(65536)
                    if not part:
                        return
                    head += part
                self.heads.append(head.decode("latin-1"))
                self._act(connection, self.heads[-1])


def saying(*answers: bytes) -> Callable[[socket.socket, str], None]:
    """Sends the next of ``answers`` to each request; the last one again and again."""
    left = list(answers)
    lock = threading.Lock()

    def act(connection: socket.socket, _: str) -> None:
        with lock:
            data = left.pop(0) if len(left) > 1 else left[0]
        connection.sendall(data)

    return act


def reset(connection: socket.socket) -> None:
    """Ends the connection with RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
