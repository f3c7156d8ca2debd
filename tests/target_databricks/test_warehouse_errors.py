"""The classifier of a warehouse's errors, and the waiting that follows from it."""

from __future__ import annotations

import itertools

import pytest
from databricks.sql.exc import RequestError
from databricks.sql.utils import NoRetryReason, RequestErrorInfo
from target_databricks.destinations import destination_of
from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client.access import host_url
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import classify, failed_poll
from target_databricks.warehouse.client.rules import Kind


class AnswerError(Exception):
    """An error as the connector raises it."""

    def __init__(self, text, **context):
        super().__init__(text)
        self.context = {name.replace("_", "-"): value for name, value in context.items()}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AnswerError("Invalid SessionHandle: SessionHandle [a1] is closed"), Kind.SESSION),
        (AnswerError("Invalid OperationHandle: OperationHandle [a1]"), Kind.SESSION),
        (
            AnswerError("Session handle 12 has not been initialized or had already closed"),
            Kind.SESSION,
        ),
        (
            AnswerError("[DELTA_CONCURRENT_APPEND] Files were added."),
            Kind.CONFLICT,
        ),
        (
            AnswerError("[DELTA_METADATA_CHANGED] The metadata of the table has changed"),
            Kind.CONFLICT,
        ),
        (AnswerError("Error during request to server", http_code=503), Kind.TRANSIENT),
        (AnswerError("Error during request to server", http_code=429), Kind.TRANSIENT),
        (
            AnswerError("x", original_exception=ConnectionResetError("reset by peer")),
            Kind.TRANSIENT,
        ),
        (AnswerError("[TEMPORARILY_UNAVAILABLE] try later"), Kind.TRANSIENT),
        (AnswerError("[TABLE_OR_VIEW_NOT_FOUND] The table `a` cannot be found"), Kind.GONE),
        (AnswerError("[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `v`"), Kind.GONE),
        (AnswerError("[DELTA_MERGE_UNRESOLVED_EXPRESSION] Cannot resolve v"), Kind.GONE),
        (
            # What Spark 4.1 makes of it.
            AnswerError(
                "[INTERNAL_ERROR] Cannot find main error class 'DELTA_MERGE_UNRESOLVED_EXPRESSION'"
            ),
            Kind.GONE,
        ),
        (AnswerError("[FIELD_ALREADY_EXISTS] Cannot add column"), Kind.EXISTS),
        (
            AnswerError("[CLUSTER_BY_AUTO_REQUIRES_PREDICTIVE_OPTIMIZATION] CLUSTER BY AUTO"),
            Kind.CLUSTERING,
        ),
        (
            AnswerError("[CLUSTER_BY_AUTO_UNSUPPORTED_TABLE_TYPE_ERROR] CLUSTER BY AUTO"),
            Kind.CLUSTERING,
        ),
        (
            AnswerError("[DELTA_CLUSTERING_COLUMNS_DATATYPE_NOT_SUPPORTED] CLUSTER BY is not"),
            Kind.CLUSTERING,
        ),
        (AnswerError("Error during request to server", http_code=401), Kind.REFUSED),
        (AnswerError("[UNAUTHENTICATED] Token is expired"), Kind.REFUSED),
        (AnswerError("[INTERNAL_ERROR] Found a bug in the optimizer"), Kind.INTERNAL),
        (AnswerError("Error during request to server", http_code=403), Kind.FINAL),
        (AnswerError("[INSUFFICIENT_PERMISSIONS] Insufficient privileges"), Kind.DENIED),
        (AnswerError("[CATALOG_NOT_FOUND] The catalog `x` not found"), Kind.FINAL),
        (AnswerError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'"), Kind.FINAL),
        (ValueError(), Kind.FINAL),
        # What real warehouses were seen to say, with what each means for a load.
        (
            AnswerError(
                "Query could not be scheduled: HTTP Response code: 503. Please try again later. "
                "SQLSTATE: XX000"
            ),
            Kind.TRANSIENT,
        ),
        (AnswerError("Couldn't create directory /local_disk0/tmp/abc"), Kind.TRANSIENT),
        (
            AnswerError("The spark driver has stopped unexpectedly and is restarting."),
            Kind.TRANSIENT,
        ),
        (AnswerError("Too many requests. Please wait a moment."), Kind.TRANSIENT),
        (
            AnswerError("AmazonS3Exception: Please reduce your request rate. (503 SlowDown)"),
            Kind.TRANSIENT,
        ),
        (AnswerError("Communication failed. SQLSTATE: 08S01"), Kind.TRANSIENT),
        (AnswerError("[X] HTTP Response code: 502 SQLSTATE: XX000"), Kind.TRANSIENT),
        (AnswerError("Command 01ef-7a unexpectedly closed server side"), Kind.SESSION),
        (AnswerError("The session was closed by the server."), Kind.SESSION),
        (AnswerError("Transaction conflict detected."), Kind.CONFLICT),
        (AnswerError("[WHATEVER] Somebody else committed. SQLSTATE: 2D521"), Kind.CONFLICT),
        (AnswerError("[WHATEVER] It was rolled back. SQLSTATE: 40001"), Kind.CONFLICT),
        (
            AnswerError(
                "Error during request to server: Token is expiring within 30 seconds. "
                "(token expired)",
                http_code=403,
            ),
            Kind.REFUSED,
        ),
        (
            AnswerError("Source IP 192.0.2.1 is blocked by Databricks IP ACL", http_code=403),
            Kind.FINAL,
        ),
        # The state counts before a text, which may have any word of the data in it.
        (
            AnswerError("[CAST_INVALID_INPUT] 'connection reset' is no INT. SQLSTATE: 22018"),
            Kind.ROWS,
        ),
        (AnswerError("[DELTA_X] 'timed out' violates CHECK. SQLSTATE: 23001"), Kind.ROWS),
        # A class counts before both.
        (ConnectionResetError("SQLSTATE: 42P01"), Kind.TRANSIENT),
    ],
)
def test_an_error_is_what_it_says(error, kind):
    assert classify(error).kind is kind


def request_error(method, http_code, error=None):
    """An error the connector raises when it gives up on a request, made by its own code."""
    delay = 5 if error is None else None
    info = RequestErrorInfo(error, None, delay, http_code, method, request=None)
    reason = NoRetryReason.OUT_OF_ATTEMPTS
    return RequestError(
        info.user_friendly_error_message(reason, 1, 10.0),
        info.full_info_logging_context(reason, 1, 1, 10.0, 900.0),
    )


# A poll that failed leaves no cause, and the status of the request before it.
@pytest.mark.parametrize(
    ("error", "kind", "only_a_poll"),
    [
        (request_error("GetOperationStatus", 200), Kind.TRANSIENT, True),
        (request_error("GetOperationStatus", None), Kind.TRANSIENT, True),
        (request_error("GetOperationStatus", 503), Kind.TRANSIENT, True),
        (request_error("GetOperationStatus", 429), Kind.TRANSIENT, True),
        (request_error("GetOperationStatus", 401, ValueError("no Thrift")), Kind.REFUSED, False),
        (request_error("GetOperationStatus", 404, ValueError("no Thrift")), Kind.FINAL, False),
        (request_error("ExecuteStatement", 503, ValueError("no Thrift")), Kind.TRANSIENT, False),
        (request_error("ExecuteStatement", 200, ValueError("no Thrift")), Kind.FINAL, False),
    ],
)
def test_a_poll_without_an_answer_is_no_verdict_on_its_statement(error, kind, only_a_poll):
    assert (classify(error).kind, failed_poll(error)) == (kind, only_a_poll)
    assert ("None" in classify(error).reason) is False


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (AnswerError("Error during request to server", http_code=401), "'access_token'"),
        (
            AnswerError(
                "[ROW_LEVEL_SECURITY_MERGE_INTO_TARGET_UNSUPPORTED] MERGE INTO operations do not "
                "support writing into table `a` with row level security policies. SQLSTATE: 0A000"
            ),
            "a view of it",
        ),
        (
            AnswerError(
                "[MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.UNSUPPORTED_OPERATION] The operation "
                "MERGE INTO is not allowed. SQLSTATE: 56038"
            ),
            "Only its pipeline may write",
        ),
        (AnswerError("BAD_REQUEST: Lakehouse/RT is not supported for Thrift protocol."), "pro SQL"),
        (
            AnswerError("[INSUFFICIENT_PERMISSIONS] no MODIFY"),
            "target-databricks-grants",
        ),
        (
            AnswerError(
                "This API is disabled for users without the databricks-sql-access or "
                "workspace-consume entitlement."
            ),
            "A workspace administrator gives it",
        ),
        (AnswerError("[CATALOG_NOT_FOUND] The catalog `x` not found"), "'catalog'"),
        (AnswerError("SQL warehouse 12 does not exist."), "'http_path'"),
        (AnswerError("Source IP 192.0.2.1 is blocked by Databricks IP ACL"), "IP access list"),
        (OSError("[Errno -2] Name or service not known"), "'server_hostname'"),
    ],
)
def test_a_final_error_says_what_to_do(error, word):
    assert word in classify(error).sentence


def test_the_plan_behind_an_error_is_left_out():
    text = "[SOME_ERROR] It failed.\n\n== SQL ==\nMERGE\n" + "Project [a]\n" * 500
    assert len(classify(AnswerError(text)).reason) < 600
    assert "Project" not in classify(AnswerError(text)).reason


def test_waits_grow_and_end_with_the_budget():
    now, waits = [0.0], []

    def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds

    attempts = Backoff(100.0, lambda: now[0], sleep).attempts()
    lasts = list(itertools.takewhile(lambda last: not last, attempts))
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 8.5]
    assert len(lasts) == len(waits)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("dbc-1.cloud.databricks.com", "https://dbc-1.cloud.databricks.com"),
        ("https://adb-1.2.azuredatabricks.net/?o=1", "https://adb-1.2.azuredatabricks.net"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_a_host_is_given_by_name_or_url(text, url):
    assert host_url(text) == url


@pytest.mark.parametrize("text", ["http://dbc-1.cloud.databricks.com", "https://"])
def test_no_token_is_sent_in_clear_text_to_another_machine(text):
    with pytest.raises(ConfigurationError, match="server_hostname"):
        host_url(text)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "where to load to"),
        ({"lakehouse_path": "a", "http_path": "b"}, "both set"),
        ({"server_hostname": "a"}, "'http_path' is missing"),
        ({"http_path": "a"}, "'server_hostname' is missing"),
    ],
)
def test_the_destination_is_chosen_by_the_settings_that_are_there(config, words):
    with pytest.raises(ConfigurationError, match=words):
        destination_of(config)
