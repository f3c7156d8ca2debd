"""Signed URLs: where clients send, fetch and remove the files of volumes.

The signature is the permission; no token is asked for, as with a cloud's object store.
"""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from databricks_sandbox.app.messages import error_response, first_bytes, path_of
from databricks_sandbox.faults import ConnectionCutError, FaultPlan, HttpError
from databricks_sandbox.statements import StatementLog
from databricks_sandbox.unity.volumes import Volumes

# So many bytes are written and read sooner than a thread wakes up.
_AT_ONCE = 1_000_000

_OPERATIONS = {"PUT": "PUT", "GET": "GET", "DELETE": "REMOVE"}


class Staging:
    """Moves files in and out of volumes.

    Args:
        volumes: files, and the signatures of their URLs.
        faults: what goes wrong with them.
        log: where moved files are noted.
    """

    def __init__(self, volumes: Volumes, faults: FaultPlan, log: StatementLog) -> None:
        self._volumes = volumes
        self._faults = faults
        self._log = log

    async def answer(self, request: Request) -> Response:
        """Move one file by a signed URL."""
        path = path_of(request).removeprefix("/staging")
        ticket = self._volumes.ticket(request.query_params.get("signature", ""), path)
        operation = _OPERATIONS.get(request.method)
        if ticket is None or ticket.operation != operation:
            return error_response(
                403, "PERMISSION_DENIED", "The signature of this URL is not valid."
            )
        if operation == "PUT":
            return await self.upload(request, path)
        if operation == "GET":
            return await self.download(path)
        return await self.remove(path)

    async def upload(self, request: Request, path: str, *, new: bool = False) -> Response:
        """Store the body of a request.

        Raises:
            FileExistsError: It shall be a new file, and there is one.
        """
        fault = self._faults.take("upload", path, ("cut", "disk_full"))
        if fault is not None:
            if fault.effect == "cut":
                sent = await first_bytes(request, fault.after_bytes)
                self._log.add_staging("PUT failed", path, len(sent))
                raise ConnectionCutError
            sent = (await request.body())[: fault.after_bytes]
            self._log.add_staging("PUT failed", path, len(sent))
            raise HttpError(507, "INSUFFICIENT_STORAGE", f"No space left on device: {path}")
        await self._faults.strike_call("upload", path)
        content = await request.body()
        self._require_writable(path)
        try:
            if len(content) <= _AT_ONCE:
                self._volumes.write(path, content, new=new)
            else:
                await run_in_threadpool(partial(self._volumes.write, path, content, new=new))
        except FileExistsError:
            raise
        except OSError as error:
            # The disk may be full in earnest.
            raise HttpError(507, "INSUFFICIENT_STORAGE", f"{error.strerror}: {path}") from error
        self._log.add_staging("PUT", path, len(content))
        await self._faults.strike_call("uploaded", path)
        return Response()

    async def download(self, path: str) -> Response:
        """Send a file."""
        await self._faults.strike_call("download", path)
        local = self._volumes.local(path)
        if not local.is_file():
            return error_response(404, "NOT_FOUND", f"The file being accessed is not found: {path}")
        if local.stat().st_size <= _AT_ONCE:
            content = local.read_bytes()
        else:
            content = await run_in_threadpool(local.read_bytes)
        self._log.add_staging("GET", path, len(content))
        return Response(content, media_type="application/octet-stream")

    async def remove(self, path: str) -> Response:
        """Remove a file; one that is not there is no error, as with object stores."""
        await self._faults.strike_call("remove", path)
        self._require_writable(path)
        local = self._volumes.local(path)
        if local.is_file():
            local.unlink()
        self._log.add_staging("REMOVE", path, 0)
        return Response(status_code=204)

    def _require_writable(self, path: str) -> None:
        if self._volumes.of_path(path).read_only:
            raise HttpError(403, "PERMISSION_DENIED", f"The volume is read-only: {path}")
