"""What is done with each stream when the input has ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from target_databricks.loading import overwriting
from target_databricks.loading.load import Load
from target_databricks.loading.versions import StreamVersions
from target_databricks.narration import level_of_details
from target_databricks.sinks import DatabricksSink

logger = logging.getLogger("target-databricks")


def retire(
    sinks: Mapping[str, DatabricksSink], versions: StreamVersions, received: Mapping[str, int]
) -> None:
    """Make tables that no row has made, and let versions take effect that waited for the end."""
    for sink in sinks.values():
        sink.prepare()
    for stream, version, complete in versions.pending(received):
        if complete and stream in sinks:
            sinks[stream].retire(version)
        else:
            logger.info(
                "Stream '%s': version %d was named before its records, and nothing after them "
                "says for certain that they were all. No row is retired.",
                stream,
                version,
            )


def overwrite(sinks: Mapping[str, DatabricksSink], versions: StreamVersions, load: Load) -> None:
    """Let what came take the place of what is there, of streams that are complete."""
    for stream, sink in sinks.items():
        if overwriting.is_unchanged(sink.original_schema) and not sink.received:
            logger.log(
                level_of_details(),
                "Stream '%s': its tap says that nothing is new; its table stays.",
                stream,
            )
            continue
        stateful = load.is_stateful(sink.plan)
        if versions.is_cut_short(stream, sink.received, stateful=stateful):
            load.refusals.stop(
                stream,
                "It was cut short: no STATE came after the last of it. Its table keeps the rows "
                "that it had. Run the tap again.",
            )
        else:
            sink.overwrite()
