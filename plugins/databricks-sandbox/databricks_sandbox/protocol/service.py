"""The Thrift service: every call a client of a SQL warehouse makes.

`TCLIService.Processor` finds the methods by name. They translate; sessions and operations live in
`operations`, statements are answered by the front in `unity`.
"""
# ruff: noqa: N802 - the methods are named by the Thrift service

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from databricks.sql.thrift_api.TCLIService import ttypes

from databricks_sandbox.errors import EngineError, SqlError
from databricks_sandbox.faults import ConnectionCutError, HttpError, InvalidSessionError
from databricks_sandbox.protocol.parameters import bound, described
from databricks_sandbox.protocol.results import Accepts, WireResult
from databricks_sandbox.protocol.tags import parse_query_tags
from databricks_sandbox.statements import Statement
from databricks_sandbox.unity import metadata_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sandbox.identity import Principal
    from databricks_sandbox.protocol.operations import Operation, Session
    from databricks_sandbox.sandbox import Sandbox
    from databricks_sandbox.unity.executor import Front
    from databricks_sandbox.unity.result_set import Answer

# How long a poll is held back before the client is told to ask again.
_POLL_SECONDS = 5.0

_OK = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
_STATES = ttypes.TOperationState


class Service:
    """One client call at a time, in the thread that read it.

    Args:
        sandbox: what the calls are about.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._caller = threading.local()

    def as_principal(self, principal: Principal, base_url: str) -> None:
        """Say who sent the request that this thread is about to process, and to which URL."""
        self._caller.principal = principal
        self._caller.base_url = base_url

    # Sessions

    def OpenSession(self, request: Any) -> Any:
        """Open a session in the namespace the client asks for."""
        sandbox, principal = self._sandbox, self._caller.principal
        sandbox.faults.strike("open_session", principal.name)
        namespace = request.initialNamespace
        try:
            session = sandbox.open_session(
                principal,
                namespace.catalogName if namespace else None,
                namespace.schemaName if namespace else None,
                _settings(request.configuration),
                self._caller.base_url,
            )
        except Exception as error:  # noqa: BLE001 - the client gets it as the answer
            message, state = _message_and_state(error)
            return ttypes.TOpenSessionResp(
                status=_error_status(message, state),
                serverProtocolVersion=ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7,
            )
        return ttypes.TOpenSessionResp(
            status=_OK,
            serverProtocolVersion=ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7,
            sessionHandle=ttypes.TSessionHandle(sessionId=_handle(session.identifier)),
            configuration={},
            canUseMultipleCatalogs=True,
            initialNamespace=namespace,
        )

    def CloseSession(self, request: Any) -> Any:
        """Close a session; closing twice is an error, as at a warehouse."""
        identifier = _identifier(request.sessionHandle.sessionId)
        if self._session(request) is None:
            return ttypes.TCloseSessionResp(status=_invalid_session(identifier))
        self._sandbox.sessions.close(identifier)
        return ttypes.TCloseSessionResp(status=_OK)

    def GetInfo(self, request: Any) -> Any:
        """Name and version of the server."""
        names = ttypes.TGetInfoType
        value = {
            names.CLI_SERVER_NAME: "Spark SQL",
            names.CLI_DBMS_NAME: "Spark SQL",
            names.CLI_DBMS_VER: "4.1.4",
        }.get(request.infoType)
        if value is None:
            return ttypes.TGetInfoResp(
                status=_error_status(f"GetInfo {request.infoType} is not known", "HYC00"),
                infoValue=ttypes.TGetInfoValue(stringValue=""),
            )
        return ttypes.TGetInfoResp(status=_OK, infoValue=ttypes.TGetInfoValue(stringValue=value))

    # Statements

    def ExecuteStatement(self, request: Any) -> Any:
        """Run a statement; its result comes along when it is quick, else the client polls."""
        sandbox = self._sandbox
        session = self._session(request)
        if session is None:
            return ttypes.TExecuteStatementResp(status=self._no_session(request))
        overlay = dict(request.confOverlay or {})
        line = sandbox.log.begin(
            Statement(
                text=request.statement,
                session=session.identifier,
                principal=session.principal.name,
                query_tags={
                    **parse_query_tags(session.configuration.get("query_tags")),
                    **parse_query_tags(overlay.get("query_tags")),
                },
                parameters=described(request.parameters),
            )
        )
        try:
            sandbox.faults.strike("execute", request.statement)
        except InvalidSessionError:
            sandbox.sessions.close(session.identifier)
            line.state, line.error = "failed", "Invalid SessionHandle"
            return ttypes.TExecuteStatementResp(status=_invalid_session(session.identifier))
        except SqlError as error:
            failure = error

            def fail(_: Operation) -> WireResult:
                raise failure

            return self._started(session, line, fail, request, ttypes.TExecuteStatementResp)
        except BaseException as error:
            line.state, line.error = "failed", f"fault: {error or type(error).__name__}"
            raise
        accepts = Accepts.of(request)

        def run(operation: Operation) -> WireResult:
            answer = sandbox.front.execute(
                session,
                bound(request.statement, request.parameters),
                line,
                operation.identifier,
            )
            sandbox.faults.strike("after_execute", request.statement)
            line.modified_rows = answer.modified_rows
            return _wire(answer, accepts)

        return self._started(session, line, run, request, ttypes.TExecuteStatementResp)

    def GetOperationStatus(self, request: Any) -> Any:
        """How an operation is doing; waits a little for it to be done."""
        operation = self._operation(request)
        if operation is None:
            return ttypes.TGetOperationStatusResp(status=_invalid_operation(request))
        try:
            self._sandbox.faults.strike("status", operation.statement.text)
        except InvalidSessionError:
            self._sandbox.sessions.close(operation.session.identifier)
            return ttypes.TGetOperationStatusResp(status=_invalid_operation(request))
        except SqlError as error:
            status = _error_status(*_message_and_state(error))
            return ttypes.TGetOperationStatusResp(status=status)
        operation.done.wait(_POLL_SECONDS)
        self._let_faults_through(operation)
        return _status(operation)

    def GetResultSetMetadata(self, request: Any) -> Any:
        """Columns of a finished operation."""
        operation = self._operation(request)
        if operation is None or operation.result is None:
            return ttypes.TGetResultSetMetadataResp(status=_invalid_operation(request))
        return operation.result.metadata()

    def FetchResults(self, request: Any) -> Any:
        """The next rows of a finished operation."""
        operation = self._operation(request)
        if operation is None or operation.result is None:
            return ttypes.TFetchResultsResp(status=_invalid_operation(request))
        self._sandbox.faults.strike("fetch", operation.statement.text)
        return operation.result.next_rows(request.maxRows)

    def CancelOperation(self, request: Any) -> Any:
        """Stop an operation."""
        operation = self._operation(request)
        if operation is None:
            return ttypes.TCancelOperationResp(status=_invalid_operation(request))
        operation.cancel()
        return ttypes.TCancelOperationResp(status=_OK)

    def CloseOperation(self, request: Any) -> Any:
        """Forget an operation and its result."""
        if self._operation(request) is None:
            return ttypes.TCloseOperationResp(status=_invalid_operation(request))
        self._sandbox.sessions.forget(_identifier(request.operationHandle.operationId))
        return ttypes.TCloseOperationResp(status=_OK)

    # Metadata

    def GetCatalogs(self, request: Any) -> Any:
        """All catalogs the principal may see."""
        return self._metadata(request, ttypes.TGetCatalogsResp, metadata_calls.catalogs)

    def GetSchemas(self, request: Any) -> Any:
        """Schemas by LIKE patterns."""
        return self._metadata(request, ttypes.TGetSchemasResp, metadata_calls.schemas)

    def GetTables(self, request: Any) -> Any:
        """Tables and views by LIKE patterns."""
        return self._metadata(request, ttypes.TGetTablesResp, metadata_calls.tables)

    def GetTableTypes(self, request: Any) -> Any:
        """The kinds of table there are."""
        return self._metadata(request, ttypes.TGetTableTypesResp, metadata_calls.table_types)

    def GetColumns(self, request: Any) -> Any:
        """Columns by LIKE patterns."""
        return self._metadata(request, ttypes.TGetColumnsResp, metadata_calls.columns)

    def _metadata(
        self, request: Any, response: Any, make: Callable[[Front, Session, Any], Answer]
    ) -> Any:
        session = self._session(request)
        if session is None:
            return response(status=self._no_session(request))
        name = type(request).__name__.removeprefix("T").removesuffix("Req")
        line = Statement(
            text=name, session=session.identifier, principal=session.principal.name,
            answered_by="metadata",
        )  # fmt: skip
        return self._started(
            session,
            line,
            lambda _: _wire(make(self._sandbox.front, session, request), Accepts()),
            request,
            response,
        )

    # What the calls share

    def _started(
        self, session: Session, line: Statement, run: Any, request: Any, response: Any
    ) -> Any:
        operation = self._sandbox.sessions.submit(session, line, run)
        handle = ttypes.TOperationHandle(
            operationId=_handle(operation.identifier),
            operationType=ttypes.TOperationType.EXECUTE_STATEMENT,
            hasResultSet=True,
        )
        wanted = request.getDirectResults
        if wanted is None:
            return response(status=_OK, operationHandle=handle)
        operation.done.wait(self._sandbox.answer_seconds)
        self._let_faults_through(operation)
        direct = ttypes.TSparkDirectResults(operationStatus=_status(operation))
        if operation.done.is_set() and operation.result is not None:
            direct.resultSetMetadata = operation.result.metadata()
            direct.resultSet = operation.result.next_rows(wanted.maxRows)
            if not direct.resultSet.hasMoreRows:
                direct.closeOperation = ttypes.TCloseOperationResp(status=_OK)
                self._sandbox.sessions.forget(operation.identifier)
        return response(status=_OK, operationHandle=handle, directResults=direct)

    def _let_faults_through(self, operation: Operation) -> None:
        """Faults planned for the end of a statement end the request that asks for its answer."""
        if isinstance(operation.error, InvalidSessionError):
            self._sandbox.sessions.close(operation.session.identifier)
            message = _invalid_session(operation.session.identifier).errorMessage
            operation.error = SqlError("INVALID_HANDLE", message, "HY000")
        elif isinstance(operation.error, (HttpError, ConnectionCutError)):
            raise operation.error

    def _session(self, request: Any) -> Session | None:
        identifier = _identifier(request.sessionHandle.sessionId)
        try:
            session = self._sandbox.sessions.session(identifier)
        except KeyError:
            return None
        # A handle is of use only to the one it was given to.
        return session if session.principal == self._caller.principal else None

    def _no_session(self, request: Any) -> ttypes.TStatus:
        return _invalid_session(_identifier(request.sessionHandle.sessionId))

    def _operation(self, request: Any) -> Operation | None:
        try:
            operation = self._sandbox.sessions.operation(
                _identifier(request.operationHandle.operationId)
            )
        except KeyError:
            return None
        return operation if operation.session.principal == self._caller.principal else None


def _wire(answer: Answer, accepts: Accepts) -> WireResult:
    return WireResult(
        answer.table, answer.schema, accepts,
        modified_rows=answer.modified_rows, staging=answer.staging,
    )  # fmt: skip


def _settings(configuration: dict[str, str] | None) -> dict[str, str]:
    """Settings by name; Databricks' own are the same in any case, Spark's are not."""
    return {
        name if name.startswith("spark.") else name.lower(): value
        for name, value in (configuration or {}).items()
    }


def _handle(identifier: str) -> ttypes.THandleIdentifier:
    return ttypes.THandleIdentifier(guid=uuid.UUID(identifier).bytes, secret=b"\0" * 16)


def _identifier(handle: ttypes.THandleIdentifier) -> str:
    return uuid.UUID(bytes=handle.guid).hex


def _status(operation: Operation) -> ttypes.TGetOperationStatusResp:
    if operation.cancelled:
        return ttypes.TGetOperationStatusResp(status=_OK, operationState=_STATES.CANCELED_STATE)
    if not operation.done.is_set():
        return ttypes.TGetOperationStatusResp(status=_OK, operationState=_STATES.RUNNING_STATE)
    if operation.error is not None:
        message, state = _message_and_state(operation.error)
        return ttypes.TGetOperationStatusResp(
            status=_OK,
            operationState=_STATES.ERROR_STATE,
            sqlState=state,
            errorCode=0,
            errorMessage=message,
            displayMessage=message,
            diagnosticInfo=f"{type(operation.error).__name__}: {message}",
        )
    return ttypes.TGetOperationStatusResp(
        status=_OK,
        operationState=_STATES.FINISHED_STATE,
        hasResultSet=True,
        numModifiedRows=operation.result.modified_rows if operation.result else None,
    )


def _message_and_state(error: BaseException) -> tuple[str, str]:
    if isinstance(error, (SqlError, EngineError)):
        return str(error), error.sqlstate
    state = getattr(error, "getSqlState", lambda: None)() or "HY000"
    return str(error).strip(), state


def _error_status(message: str, state: str) -> ttypes.TStatus:
    return ttypes.TStatus(
        statusCode=ttypes.TStatusCode.ERROR_STATUS,
        sqlState=state,
        errorCode=0,
        errorMessage=message,
        displayMessage=message,
    )


def _invalid_session(identifier: str) -> ttypes.TStatus:
    handle = uuid.UUID(identifier)
    return _error_status(f"Invalid SessionHandle: SessionHandle [{handle}]", "HY000")


def _invalid_operation(request: Any) -> ttypes.TStatus:
    handle = uuid.UUID(_identifier(request.operationHandle.operationId))
    return _error_status(f"Invalid OperationHandle: OperationHandle [{handle}]", "HY000")
