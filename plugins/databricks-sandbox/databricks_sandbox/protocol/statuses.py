"""Handles and statuses of the Thrift service."""

from __future__ import annotations

import uuid
from typing import Any

from databricks.sql.thrift_api.TCLIService import ttypes

from databricks_sandbox.errors import EngineError, SqlError
from databricks_sandbox.protocol.operations import Operation

OK = ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS)
_STATES = ttypes.TOperationState


def handle(identifier: str) -> ttypes.THandleIdentifier:
    """The handle that stands for an id."""
    return ttypes.THandleIdentifier(guid=uuid.UUID(identifier).bytes, secret=b"\0" * 16)


def identifier_of(handle: ttypes.THandleIdentifier) -> str:
    """The id that a handle stands for."""
    return uuid.UUID(bytes=handle.guid).hex


def operation_status(operation: Operation) -> ttypes.TGetOperationStatusResp:
    """How an operation is doing."""
    if operation.cancelled:
        return ttypes.TGetOperationStatusResp(status=OK, operationState=_STATES.CANCELED_STATE)
    if not operation.done.done():
        return ttypes.TGetOperationStatusResp(status=OK, operationState=_STATES.RUNNING_STATE)
    if operation.error is not None:
        message, state = message_and_state(operation.error)
        return ttypes.TGetOperationStatusResp(
            status=OK,
            operationState=_STATES.ERROR_STATE,
            sqlState=state,
            errorCode=0,
            errorMessage=message,
            displayMessage=message,
            diagnosticInfo=f"{type(operation.error).__name__}: {message}",
        )
    return ttypes.TGetOperationStatusResp(
        status=OK,
        operationState=_STATES.FINISHED_STATE,
        hasResultSet=True,
        numModifiedRows=operation.result.modified_rows if operation.result else None,
    )


def message_and_state(error: BaseException) -> tuple[str, str]:
    """Text and SQLSTATE of an error, whoever raised it."""
    if isinstance(error, (SqlError, EngineError)):
        return str(error), error.sqlstate
    state = getattr(error, "getSqlState", lambda: None)() or "HY000"
    return str(error).strip(), state


def error_status(message: str, state: str) -> ttypes.TStatus:
    """The status of a call that failed."""
    return ttypes.TStatus(
        statusCode=ttypes.TStatusCode.ERROR_STATUS,
        sqlState=state,
        errorCode=0,
        errorMessage=message,
        displayMessage=message,
    )


def invalid_session(identifier: str) -> ttypes.TStatus:
    """The status of a call about a session that is not open."""
    handle = uuid.UUID(identifier)
    return error_status(f"Invalid SessionHandle: SessionHandle [{handle}]", "HY000")


def invalid_operation(request: Any) -> ttypes.TStatus:
    """The status of a call about an operation that is not there."""
    handle = uuid.UUID(identifier_of(request.operationHandle.operationId))
    return error_status(f"Invalid OperationHandle: OperationHandle [{handle}]", "HY000")
