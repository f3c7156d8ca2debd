"""`POST /sql/1.0/warehouses/<id>`: one Thrift message in, one out."""

from __future__ import annotations

from databricks.sql.thrift_api.TCLIService import TCLIService
from starlette.requests import Request
from starlette.responses import Response
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport.TTransport import TMemoryBuffer

from databricks_sandbox.app.messages import base_url, path_of
from databricks_sandbox.faults import HttpError
from databricks_sandbox.identity import Principal
from databricks_sandbox.protocol.service import Caller, Service
from databricks_sandbox.warehouse import Warehouse


class SqlEndpoint:
    """Answers the SQL protocol.

    Args:
        service: answers its calls.
        warehouse: must be running.
    """

    def __init__(self, service: Service, warehouse: Warehouse) -> None:
        self._service = service
        self._warehouse = warehouse

    async def answer(self, request: Request, principal: Principal) -> Response:
        """Answer one message.

        Raises:
            HttpError: there is no such warehouse, it is not running, or the principal may not use
                it; also what a fault planned here answers.
            ConnectionCutError: a fault planned here gives no answer.
        """
        path = path_of(request)
        if path.rstrip("/") != self._warehouse.http_path or request.method != "POST":
            raise HttpError(404, "ENDPOINT_NOT_FOUND", f"No SQL warehouse at '{path}'.")
        if not principal.can_use_warehouse:
            raise HttpError(
                403,
                "PERMISSION_DENIED",
                f"{principal.name} does not have permission to use the SQL warehouse "
                f"{self._warehouse.identifier}. Ask an administrator for CAN USE.",
            )
        self._warehouse.require()
        caller = Caller(principal, base_url(request))
        answer = await _process(self._service, caller, await request.body())
        return Response(answer, media_type="application/x-thrift")


async def _process(service: Service, caller: Caller, message: bytes) -> bytes:
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
        result.success = await handler(arguments.req, caller)
        writer.writeMessageBegin(name, TMessageType.REPLY, number)
        result.write(writer)
    writer.writeMessageEnd()
    return bytes(out.getvalue())
