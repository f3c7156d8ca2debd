"""Real sockets of this machine that do what broken networks do, for both packages' tests."""

from __future__ import annotations

import datetime
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

UNKNOWN = "no-such-host.invalid"
"""A name that no resolver knows (RFC 6761)."""


@contextmanager
def refusing() -> Iterator[int]:
    """A port that refuses connections for as long as it is held."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose visitors get what `answer` does with their connection, one after the other."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            while True:
                try:
                    visitor, _ = listener.accept()
                except OSError:
                    return
                with visitor:
                    try:
                        answer(visitor)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        stack.callback(thread.join, 5)
        # Closing alone wakes nobody who waits in accept.
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        yield listener.getsockname()[1]


def hanging_up(visitor: socket.socket) -> None:
    """Hear the request and close without a word."""
    visitor.recv(65_536)


def resetting(visitor: socket.socket) -> None:
    """Hear the request and reset the connection."""
    visitor.recv(65_536)
    visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(visitor: socket.socket) -> None:
    """Say nothing until the visitor goes."""
    while visitor.recv(65_536):
        pass


def speaking_plainly(visitor: socket.socket) -> None:
    """Answer in plain HTTP, whatever was said."""
    visitor.recv(65_536)
    visitor.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def unwilling(visitor: socket.socket) -> None:
    """A proxy that wants to know who asks."""
    visitor.recv(65_536)
    visitor.sendall(
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    )


def with_own_certificate(folder: Path) -> Callable[[socket.socket], None]:
    """An answer over TLS with a certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)

    def answer(visitor: socket.socket) -> None:
        with context.wrap_socket(visitor, server_side=True) as secured:
            secured.recv(65_536)

    return answer


@contextmanager
def swallowing() -> Iterator[int]:
    """A port that takes no connection and refuses none: its queue of visitors is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(("127.0.0.1", port))
        yield port
