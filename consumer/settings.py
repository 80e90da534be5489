"""The consumer's settings, by environment names."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from common.settings import Settings
from db.write.bulk import LoadMethod
from schemas.files.trusted import TrustedFormat


class ConsumerSettings(Settings):
    """What may be tuned; the defaults suit two cores."""

    spark_master: str = "local[*]"
    spark_driver_memory: str = "1g"
    spark_jars_dir: Path
    """The folder with the Spark connector jars (``vitals env`` prints it)."""
    spark_class_archive: Path | None = None
    """A file made by ``python -m consumer.driver.class_archive``: the JVM starts in nearly half the time."""
    startup_wait_seconds: Annotated[float, Field(ge=0)] = 0.0
    """How long database, tables and topic may take to be there when all is started together."""
    trigger_interval_seconds: Annotated[float, Field(ge=0)] = 0.3
    max_messages_per_batch: Annotated[int, Field(ge=1)] = 10_000
    """A backlog is worked off in several micro-batches; what Spark does for each is paid once for
    so many. Memory has a bound of its own, in readings: see ``consumer.worker.partition_writer``."""
    trusted_format: TrustedFormat = TrustedFormat.PARQUET
    load_method: LoadMethod = LoadMethod.AUTO
