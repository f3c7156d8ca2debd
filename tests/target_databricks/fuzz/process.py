"""The real command as a place to load into, now and then killed in the middle."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from singer_sdk.exceptions import SingerSDKError

from fuzz.trial import Killed


class Processes:
    """A lakehouse folder that is loaded by processes of the installed command.

    Args:
        place: The folder.
        command: Path of the command.
        seed: Decides which runs are killed.
    """

    def __init__(self, place: Any, command: str, seed: int) -> None:
        self._place = place
        self._command = command
        self._chance = Random(seed)
        self.last: Any = SimpleNamespace(states=[])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    def run_text(self, text: bytes, **settings: Any) -> None:
        """Load the text of a run.

        Raises:
            SingerSDKError: It ended with exit code 1 and a sentence.
            Killed: It was killed.
            AssertionError: It ended in any other way.
        """
        self._place.folder.mkdir(parents=True, exist_ok=True)
        config = Path(self._place.folder).with_suffix(".json")
        config.write_text(json.dumps(self._place.config(**settings)))
        process = subprocess.Popen(
            [self._command, "--config", str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self._chance.random() < 0.3:
            self._kill(process, text)
        out, err = process.communicate(text if process.returncode is None else None, timeout=240)
        self.last = SimpleNamespace(states=[json.loads(line) for line in out.splitlines()])
        if process.returncode == -9:
            raise Killed
        errors = err.decode()
        assert "Traceback" not in errors, errors[-2000:]
        assert process.returncode in {0, 1}, errors[-2000:]
        if process.returncode:
            raise SingerSDKError(errors[-2000:])

    def _kill(self, process: subprocess.Popen[bytes], text: bytes) -> None:
        """Kill the process once it has begun to load: at whichever instant that is."""
        assert process.stdin is not None
        spool = Path(self._place.schema_folder) / "_spool"
        before = spool.stat().st_mtime_ns if spool.exists() else None
        with suppress(BrokenPipeError):
            process.stdin.write(text)
            process.stdin.flush()
        end = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < end:
            if spool.exists() and spool.stat().st_mtime_ns != before:
                break
        process.kill()
        process.wait()
