"""`POST /sql/1.0/warehouses/<id>`: one Thrift message in, one out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from databricks.sql.thrift_api.TCLIService import TCLIService
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport.TTransport import TMemoryBuffer

from databricks_sandbox.app.messages import Request, Response
from databricks_sandbox.faults import HttpError
from databricks_sandbox.identity import Principal
from databricks_sandbox.protocol.service import Caller, Service

if TYPE_CHECKING:
    from databricks_sandbox.sandbox import Sandbox


def endpoint(sandbox: Sandbox) -> Callable[[Request, Principal], Response]:
    """The function that answers the SQL protocol."""
    service = Service(sandbox.sessions, sandbox.executor, sandbox.faults, sandbox.log)

    def answer(request: Request, principal: Principal) -> Response:
        if request.path.rstrip("/") != sandbox.http_path or request.method != "POST":
            raise HttpError(404, "ENDPOINT_NOT_FOUND", f"No SQL warehouse at '{request.path}'.")
        if not principal.can_use_warehouse:
            raise HttpError(
                403,
                "PERMISSION_DENIED",
                f"{principal.name} does not have permission to use the SQL warehouse "
                f"{sandbox.warehouse.identifier}. Ask an administrator for CAN USE.",
            )
        sandbox.warehouse.require()
        caller = Caller(principal, request.base_url)
        return Response(
            body=_processed(service, caller, request.body()),
            headers={"Content-Type": "application/x-thrift"},
        )

    return answer


def _processed(service: Service, caller: Caller, message: bytes) -> bytes:
    """Answer one Thrift message.

    The generated `Processor` does the same but turns every exception of a handler into an answer;
    faults must get through to the connection.
    """
    reader = TBinaryProtocol(TMemoryBuffer(message))
    out = TMemoryBuffer()
    writer = TBinaryProtocol(out)
    name, _, number = reader.readMessageBegin()
    handler = getattr(service, name, None) if name[:1].isupper() else None
    if handler is None:
        writer.writeMessageBegin(name, TMessageType.EXCEPTION, number)
        TApplicationException(
            TApplicationException.UNKNOWN_METHOD, f"databricks-sandbox has no call '{name}'"
        ).write(writer)
    else:
        arguments = getattr(TCLIService, f"{name}_args")()
        arguments.read(reader)
        result = getattr(TCLIService, f"{name}_result")()
        result.success = handler(arguments.req, caller)
        writer.writeMessageBegin(name, TMessageType.REPLY, number)
        result.write(writer)
    writer.writeMessageEnd()
    return bytes(out.getvalue())
