"""The HTTP server: one port for the SQL protocol, OAuth, REST, staging and control.

It speaks TLS with a certificate of its own to clients that begin with a TLS handshake, and plain
HTTP to the others.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from databricks_sandbox.app import routes
from databricks_sandbox.app.messages import Request, Response
from databricks_sandbox.certificate import write_certificate
from databricks_sandbox.faults import ConnectionCutError, HttpError
from databricks_sandbox.identity import UnauthorizedError

if TYPE_CHECKING:
    from databricks_sandbox.sandbox import Sandbox

# The first byte of a TLS handshake.
_TLS_HANDSHAKE = b"\x16"

# Long enough for a client that thinks, short enough not to keep threads of clients that are gone.
_IDLE_SECONDS = 120


class Server:
    """Serves a sandbox on 127.0.0.1.

    Args:
        sandbox: what is served.
        port: 0 takes a free one.
    """

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.ca_file: Path = sandbox.folder / "ca.pem"
        sandbox.folder.mkdir(parents=True, exist_ok=True)
        key_file = write_certificate(self.ca_file)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.ca_file, key_file)
        self._http = _HttpServer(("127.0.0.1", port), _Handler)
        self._http.tls = tls
        self._http.routes = routes(sandbox)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._http.server_address[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    # Threads that wait for a client's next request must not hold up the end.
    block_on_close = False
    request_queue_size = 128
    tls: ssl.SSLContext
    routes: Any

    def finish_request(self, request: Any, client_address: Any) -> None:
        connection: socket.socket = request
        connection.settimeout(_IDLE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
                connection = self.tls.wrap_socket(connection, server_side=True)
            super().finish_request(connection, client_address)
        except OSError:
            # A client that hung up, or did not trust the certificate, is its own business.
            return
        finally:
            with suppress(OSError):
                connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Say nothing: the statement log is the log."""

    def _serve(self) -> None:
        split = urlsplit(self.path)
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        request = Request(
            method=self.command,
            path=unquote(split.path),
            query=split.query,
            headers=self.headers.items(),
            base_url=f"{scheme}://{self.headers.get('Host', '127.0.0.1')}",
            reader=self._read,
        )
        try:
            response = self.server.routes(request)
        except HttpError as fault:
            response = Response.error(fault.status, fault.code, fault.message)
            if fault.retry_after is not None:
                response.headers["Retry-After"] = str(int(fault.retry_after))
            response.headers["X-Thriftserver-Error-Message"] = fault.message
        except UnauthorizedError as error:
            response = Response.error(401, "UNAUTHENTICATED", str(error))
            response.headers["WWW-Authenticate"] = "Bearer"
            response.headers["X-Databricks-Reason-Phrase"] = str(error)
        except ConnectionCutError:
            self._cut()
            return
        # What is left unread of a body would be taken for the connection's next request.
        request.body()
        self._send(response)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _serve  # noqa: N815 - named by the base class

    def _read(self, limit: int | None) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunked()
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length if limit is None else min(limit, length))

    def _read_chunked(self) -> bytes:
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _send(self, response: Response) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

    def _cut(self) -> None:
        # A reset rather than an orderly end, so that the client cannot take it for an answer.
        self.close_connection = True
        plain = self.connection
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain.close()
