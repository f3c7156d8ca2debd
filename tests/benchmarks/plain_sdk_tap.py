"""What one writes in an hour with the Meltano SDK: invoices, a hundred at a time, in sequence."""

from __future__ import annotations

from collections.abc import Generator
from http import HTTPStatus
from typing import Any, ClassVar

import requests
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BasePageNumberPaginator

FULL_PAGE = 100


class Pages(BasePageNumberPaginator):
    """Goes on until a page is not full."""

    def has_more(self, response: requests.Response) -> bool:
        return len(response.json()["Invoices"]) == FULL_PAGE


class Invoices(RESTStream[int]):
    """All invoices of one organisation."""

    name = "invoices"
    path = "/api.xro/2.0/Invoices"
    primary_keys: ClassVar[list[str]] = ["InvoiceID"]
    records_jsonpath = "$.Invoices[*]"
    schema = th.PropertiesList(
        th.Property("InvoiceID", th.StringType),
        th.Property("UpdatedDateUTC", th.StringType),
        th.Property("Total", th.NumberType),
        th.Property("LineItems", th.ArrayType(th.ObjectType(additional_properties=True))),
        additional_properties=True,
    ).to_dict()

    @property
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    def http_headers(self) -> dict[str, str]:
        return {
            "Accept": "application/json",
            "Authorization": f"Bearer {self.config['access_token']}",
            "xero-tenant-id": self.config["tenant_id"],
        }

    def get_new_paginator(self) -> Pages:
        return Pages(1)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        return {"page": next_page_token or 1, "order": "UpdatedDateUTC ASC"}

    def backoff_wait_generator(self) -> Generator[float, None, None]:
        return self.backoff_runtime(value=_retry_after)


def _retry_after(error: Any) -> int:
    response = error.response
    limited = response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS
    return int(response.headers.get("Retry-After", 5)) if limited else 2


class PlainTap(Tap):
    """A tap for one organisation."""

    name = "tap-plain"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("access_token", th.StringType, required=True),
        th.Property("tenant_id", th.StringType, required=True),
    ).to_dict()

    def discover_streams(self) -> list[Invoices]:
        return [Invoices(self)]


if __name__ == "__main__":
    PlainTap.cli()
