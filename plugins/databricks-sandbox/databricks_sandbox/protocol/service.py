"""The Thrift service: every call a client of a SQL warehouse makes.

A call is the method of its name. They translate; sessions and operations live in
`operations`, statements are answered by `unity`.
"""
# ruff: noqa: N802 - the methods are named by the Thrift service

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from databricks.sql.thrift_api.TCLIService import ttypes
from starlette.concurrency import run_in_threadpool

from databricks_sandbox.errors import EngineError, SqlError
from databricks_sandbox.faults import ConnectionCutError, FaultPlan, HttpError, InvalidSessionError
from databricks_sandbox.identity import Principal
from databricks_sandbox.limits import POLL_SECONDS
from databricks_sandbox.protocol.operations import Operation, Registry
from databricks_sandbox.protocol.parameters import bind, describe
from databricks_sandbox.protocol.results import Accepts, WireResult
from databricks_sandbox.protocol.statuses import (
    OK,
    error_status,
    handle,
    identifier_of,
    invalid_operation,
    invalid_session,
    message_and_state,
    operation_status,
)
from databricks_sandbox.protocol.tags import parse_query_tags
from databricks_sandbox.session import Session
from databricks_sandbox.statements import Statement, StatementLog
from databricks_sandbox.switches import Switches
from databricks_sandbox.unity import metadata_calls
from databricks_sandbox.unity.executor import Executor
from databricks_sandbox.unity.information_schema import Contents
from databricks_sandbox.unity.result_set import ResultSet

_NO_THRIFT = (
    "BAD_REQUEST: Lakehouse/RT is not supported for Thrift protocol. Please update your Databricks "
    "SQL Driver version to the latest version, which supports the Statement Execution API protocol"
)


@dataclass(frozen=True)
class Caller:
    """Who sent a call.

    Attributes:
        principal: whose token came with it.
        base_url: where the client reaches the server.
    """

    principal: Principal
    base_url: str


class Service:
    """Answers calls; what blocks in one has a thread of its own.

    Args:
        sessions: sessions and operations.
        executor: answers statements.
        faults: what goes wrong.
        log: where statements are noted.
        switches: when a client has to poll, and whether it may come at all.
    """

    def __init__(
        self,
        sessions: Registry,
        executor: Executor,
        faults: FaultPlan,
        log: StatementLog,
        switches: Switches,
    ) -> None:
        self._sessions = sessions
        self._executor = executor
        self._faults = faults
        self._log = log
        self._switches = switches

    # Sessions

    async def OpenSession(self, request: Any, caller: Caller) -> Any:
        """Open a session in the namespace the client asks for."""
        try:
            await self._faults.strike_call("open_session", caller.principal.name)
        except SqlError as error:
            return _no_session(error)
        namespace = request.initialNamespace
        if self._switches.real_time_warehouse:
            return _no_session(EngineError(_NO_THRIFT, "KP001"))
        try:
            session = await run_in_threadpool(
                self._sessions.open,
                caller.principal,
                namespace.catalogName if namespace else None,
                namespace.schemaName if namespace else None,
                _settings(request.configuration),
                caller.base_url,
            )
        except Exception as error:  # noqa: BLE001 - the client gets it as the answer
            return _no_session(error)
        return ttypes.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7,
            sessionHandle=ttypes.TSessionHandle(sessionId=handle(session.identifier)),
            configuration={},
            canUseMultipleCatalogs=True,
            initialNamespace=namespace,
        )

    async def CloseSession(self, request: Any, caller: Caller) -> Any:
        """Close a session; closing twice is an error, as at a warehouse."""
        identifier = identifier_of(request.sessionHandle.sessionId)
        if self._session(request, caller) is None:
            return ttypes.TCloseSessionResp(status=invalid_session(identifier))
        await run_in_threadpool(self._sessions.close, identifier)
        return ttypes.TCloseSessionResp(status=OK)

    async def GetInfo(self, request: Any, _: Caller) -> Any:
        """Name and version of the server."""
        names = ttypes.TGetInfoType
        value = {
            names.CLI_SERVER_NAME: "Spark SQL",
            names.CLI_DBMS_NAME: "Spark SQL",
            names.CLI_DBMS_VER: "4.1.4",
        }.get(request.infoType)
        if value is None:
            return ttypes.TGetInfoResp(
                status=error_status(f"GetInfo {request.infoType} is not known", "HYC00"),
                infoValue=ttypes.TGetInfoValue(stringValue=""),
            )
        return ttypes.TGetInfoResp(status=OK, infoValue=ttypes.TGetInfoValue(stringValue=value))

    # Statements

    async def ExecuteStatement(self, request: Any, caller: Caller) -> Any:
        """Run a statement; its result comes along when it is quick, else the client polls."""
        session = self._session(request, caller)
        if session is None:
            return ttypes.TExecuteStatementResp(status=self._no_session(request))
        overlay = dict(request.confOverlay or {})
        line = self._log.begin(
            Statement(
                text=request.statement,
                session=session.identifier,
                principal=session.principal.name,
                query_tags={
                    **parse_query_tags(session.configuration.get("query_tags")),
                    **parse_query_tags(overlay.get("query_tags")),
                },
                parameters=describe(request.parameters),
            )
        )
        try:
            await self._faults.strike_call("execute", request.statement)
        except InvalidSessionError:
            await run_in_threadpool(self._sessions.close, session.identifier)
            line.state, line.error = "failed", "Invalid SessionHandle"
            return ttypes.TExecuteStatementResp(status=invalid_session(session.identifier))
        except SqlError as error:
            failure = error

            def fail(_: Operation) -> WireResult:
                raise failure

            return await self._start(session, line, fail, request, ttypes.TExecuteStatementResp)
        except BaseException as error:
            line.state, line.error = "failed", f"fault: {error or type(error).__name__}"
            raise
        accepts = Accepts.of(request)

        def run(operation: Operation) -> WireResult:
            answer = self._executor.execute(
                session,
                bind(request.statement, request.parameters),
                line,
                operation.identifier,
            )
            self._faults.strike("after_execute", request.statement)
            line.modified_rows = answer.modified_rows
            return _wire(answer, accepts)

        return await self._start(session, line, run, request, ttypes.TExecuteStatementResp)

    async def GetOperationStatus(self, request: Any, caller: Caller) -> Any:
        """How an operation is doing; waits a little for it to be done."""
        operation = self._operation(request, caller)
        if operation is None:
            return ttypes.TGetOperationStatusResp(status=invalid_operation(request))
        try:
            await self._faults.strike_call("status", operation.statement.text)
        except InvalidSessionError:
            await run_in_threadpool(self._sessions.close, operation.session.identifier)
            return ttypes.TGetOperationStatusResp(status=invalid_operation(request))
        except SqlError as error:
            status = error_status(*message_and_state(error))
            return ttypes.TGetOperationStatusResp(status=status)
        await operation.wait(POLL_SECONDS)
        await self._let_faults_through(operation)
        return operation_status(operation)

    async def GetResultSetMetadata(self, request: Any, caller: Caller) -> Any:
        """Columns of a finished operation."""
        operation = self._operation(request, caller)
        if operation is None or operation.result is None:
            return ttypes.TGetResultSetMetadataResp(status=invalid_operation(request))
        return operation.result.metadata()

    async def FetchResults(self, request: Any, caller: Caller) -> Any:
        """The next rows of a finished operation."""
        operation = self._operation(request, caller)
        if operation is None or operation.result is None:
            return ttypes.TFetchResultsResp(status=invalid_operation(request))
        await self._faults.strike_call("fetch", operation.statement.text)
        return await run_in_threadpool(operation.result.next_rows, request.maxRows)

    async def CancelOperation(self, request: Any, caller: Caller) -> Any:
        """Stop an operation."""
        operation = self._operation(request, caller)
        if operation is None:
            return ttypes.TCancelOperationResp(status=invalid_operation(request))
        await run_in_threadpool(operation.cancel)
        return ttypes.TCancelOperationResp(status=OK)

    async def CloseOperation(self, request: Any, caller: Caller) -> Any:
        """Forget an operation and its result."""
        if self._operation(request, caller) is None:
            return ttypes.TCloseOperationResp(status=invalid_operation(request))
        self._sessions.forget(identifier_of(request.operationHandle.operationId))
        return ttypes.TCloseOperationResp(status=OK)

    # Metadata

    async def GetCatalogs(self, request: Any, caller: Caller) -> Any:
        """All catalogs the principal may see."""
        return await self._metadata(
            request, caller, ttypes.TGetCatalogsResp, metadata_calls.catalogs
        )

    async def GetSchemas(self, request: Any, caller: Caller) -> Any:
        """Schemas by LIKE patterns."""
        return await self._metadata(request, caller, ttypes.TGetSchemasResp, metadata_calls.schemas)

    async def GetTables(self, request: Any, caller: Caller) -> Any:
        """Tables and views by LIKE patterns."""
        return await self._metadata(request, caller, ttypes.TGetTablesResp, metadata_calls.tables)

    async def GetTableTypes(self, request: Any, caller: Caller) -> Any:
        """The kinds of table there are."""
        return await self._metadata(
            request, caller, ttypes.TGetTableTypesResp, metadata_calls.table_types
        )

    async def GetColumns(self, request: Any, caller: Caller) -> Any:
        """Columns by LIKE patterns."""
        return await self._metadata(request, caller, ttypes.TGetColumnsResp, metadata_calls.columns)

    async def _metadata(
        self,
        request: Any,
        caller: Caller,
        response: Any,
        make: Callable[[Contents, Any], ResultSet],
    ) -> Any:
        session = self._session(request, caller)
        if session is None:
            return response(status=self._no_session(request))
        name = type(request).__name__.removeprefix("T").removesuffix("Req")
        line = Statement(
            text=name, session=session.identifier, principal=session.principal.name,
            answered_by="metadata",
        )  # fmt: skip
        return await self._start(
            session,
            line,
            lambda _: _wire(make(self._executor.contents(session, name), request), Accepts()),
            request,
            response,
        )

    # What the calls share

    async def _start(
        self, session: Session, line: Statement, run: Any, request: Any, response: Any
    ) -> Any:
        operation = self._sessions.submit(session, line, run)
        reference = ttypes.TOperationHandle(
            operationId=handle(operation.identifier),
            operationType=ttypes.TOperationType.EXECUTE_STATEMENT,
            hasResultSet=True,
        )
        direct_results = request.getDirectResults
        if direct_results is None:
            return response(status=OK, operationHandle=reference)
        await operation.wait(self._switches.answer_seconds)
        await self._let_faults_through(operation)
        direct = ttypes.TSparkDirectResults(operationStatus=operation_status(operation))
        if operation.done.done() and operation.result is not None:
            direct.resultSetMetadata = operation.result.metadata()
            direct.resultSet = operation.result.next_rows(direct_results.maxRows)
            if not direct.resultSet.hasMoreRows:
                direct.closeOperation = ttypes.TCloseOperationResp(status=OK)
                self._sessions.forget(operation.identifier)
        return response(status=OK, operationHandle=reference, directResults=direct)

    async def _let_faults_through(self, operation: Operation) -> None:
        """Faults planned for the end of a statement end the request that asks for its answer."""
        if isinstance(operation.error, InvalidSessionError):
            await run_in_threadpool(self._sessions.close, operation.session.identifier)
            message = invalid_session(operation.session.identifier).errorMessage
            operation.error = SqlError("INVALID_HANDLE", message, "HY000")
        elif isinstance(operation.error, (HttpError, ConnectionCutError)):
            raise operation.error

    def _session(self, request: Any, caller: Caller) -> Session | None:
        identifier = identifier_of(request.sessionHandle.sessionId)
        try:
            session = self._sessions.session(identifier)
        except KeyError:
            return None
        # A handle is of use only to the one it was given to.
        return session if session.principal == caller.principal else None

    def _no_session(self, request: Any) -> ttypes.TStatus:
        return invalid_session(identifier_of(request.sessionHandle.sessionId))

    def _operation(self, request: Any, caller: Caller) -> Operation | None:
        try:
            operation = self._sessions.operation(identifier_of(request.operationHandle.operationId))
        except KeyError:
            return None
        return operation if operation.session.principal == caller.principal else None


def _no_session(error: BaseException) -> Any:
    return ttypes.TOpenSessionResp(
        status=error_status(*message_and_state(error)),
        serverProtocolVersion=ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7,
    )


def _wire(answer: ResultSet, accepts: Accepts) -> WireResult:
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
