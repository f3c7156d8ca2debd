"""The Files API: files and directories of volumes, by the permissions of who asks.

Source: Databricks REST API reference: Files.
"""

from __future__ import annotations

import re
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from databricks_sandbox.app.messages import error_response, path_of
from databricks_sandbox.app.staging import Staging
from databricks_sandbox.identity import Principal
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Securable
from databricks_sandbox.unity.volumes import Volumes, normal_path

_FILES = "/api/2.0/fs/files"
_DIRECTORIES = "/api/2.0/fs/directories"


class Files:
    """Answers calls of the Files API.

    Args:
        volumes: the files.
        grants: who may read and write them.
        staging: moves them.
    """

    def __init__(self, volumes: Volumes, grants: Grants, staging: Staging) -> None:
        self._volumes = volumes
        self._grants = grants
        self._staging = staging

    async def file(self, request: Request, principal: Principal) -> Response:
        """Send, fetch, look at or remove a file."""
        path = self._permitted_path(request, principal, _FILES)
        local = self._volumes.local(path)
        if request.method == "PUT":
            new = request.query_params.get("overwrite", "true") != "true"
            try:
                await self._staging.upload(request, path, new=new)
            except FileExistsError:
                return error_response(409, "ALREADY_EXISTS", f"The file exists already: {path}")
            return Response(status_code=204)
        if not local.is_file():
            return error_response(404, "NOT_FOUND", f"The file being accessed is not found: {path}")
        if request.method == "DELETE":
            return await self._staging.remove(path)
        if request.method not in ("GET", "HEAD"):
            return error_response(405, "BAD_REQUEST", f"{request.method} is not for files.")
        modified = formatdate(self._volumes.modified(local.stat()), usegmt=True)
        response = _part(await self._staging.download(path), request.headers.get("range", ""))
        response.headers["Last-Modified"] = modified
        return response

    async def directory(self, request: Request, principal: Principal) -> Response:
        """Make, list, look at or remove a directory."""
        path, method = self._permitted_path(request, principal, _DIRECTORIES), request.method
        local = self._volumes.local(path)
        if method == "PUT":
            local.mkdir(parents=True, exist_ok=True)
            return Response(status_code=204)
        if not local.is_dir():
            return error_response(
                404, "NOT_FOUND", f"The directory being accessed is not found: {path}"
            )
        if method == "HEAD":
            return Response()
        if method == "GET":
            files, following = self._volumes.page(path, request.query_params.get("page_token", ""))
            return JSONResponse(
                {
                    "contents": [
                        {
                            "path": name,
                            "name": name.rsplit("/", 1)[-1],
                            "is_directory": is_folder,
                            "file_size": 0 if is_folder else facts.st_size,
                            "last_modified": int(self._volumes.modified(facts) * 1000),
                        }
                        for name, facts, is_folder in files
                    ],
                    **({"next_page_token": following} if following else {}),
                }
            )
        if method == "DELETE":
            if any(local.iterdir()):
                return error_response(
                    400, "DIRECTORY_NOT_EMPTY", f"The directory is not empty: {path}"
                )
            local.rmdir()
            return Response(status_code=204)
        return error_response(405, "BAD_REQUEST", f"{method} is not for directories.")

    def _permitted_path(self, request: Request, principal: Principal, prefix: str) -> str:
        """The path in a volume that a request is about.

        Raises:
            SqlError: there is no such volume, or the principal may not read or write it.
        """
        path = normal_path(path_of(request).removeprefix(prefix))
        privilege = "READ VOLUME" if request.method in ("GET", "HEAD") else "WRITE VOLUME"
        volume = Securable("VOLUME", self._volumes.of_path(path).name)
        self._grants.require(principal, privilege, volume)
        return path


def _part(response: Response, range_header: str) -> Response:
    """A whole file's answer, or the part of it that a Range header names."""
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", range_header)
    if span is None:
        return response
    content = bytes(response.body)
    size, first = len(content), int(span[1])
    last = min(int(span[2] or size - 1), size - 1)
    return Response(
        content[first : last + 1],
        206,
        {"Content-Range": f"bytes {first}-{last}/{size}"},
        "application/octet-stream",
    )
