"""The consumer's settings, by environment names."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from common.settings import Settings
from db.write.bulk import LoadMethod
from schemas.files.trusted import TrustedFormat

_MESSAGES_A_PARTITION = 2_500


class ConsumerSettings(Settings):
    """What may be tuned; the defaults suit two cores."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    spark_master: str | None = None
    """Spark's master URL, such as `spark://host:7077` for a cluster, or `local[2]` for two tasks at a time on
    this machine; unless set, two for each of its cores."""
    pyspark_python: str | None = None
    """The Python of Spark's workers, by its path there; the consumer's own unless set."""
    spark_driver_memory: str = "1g"
    """Heap of Spark's JVM."""
    spark_jars_dir: Path
    """The folder with the Spark connector jars; `vitals env` prints it."""
    spark_class_archive: Path | None = None
    """A file of prepared Java classes: the JVM starts in nearly half the time."""
    startup_wait_seconds: Annotated[float, Field(ge=0)] = 0.0
    """How long to wait at startup for the database, its tables and the topic."""
    trigger_interval_seconds: Annotated[float, Field(ge=0)] = 0.1
    """The least time from the start of one micro-batch to the start of the next, which begins when
    something came."""
    max_messages_per_batch: Annotated[int, Field(ge=1)] | None = None
    """The most messages in one micro-batch, 2,500 for each partition unless set; a larger backlog takes
    several. Memory is bounded separately, by readings."""
    trusted_format: TrustedFormat = TrustedFormat.PARQUET
    """Format of the trusted files."""
    load_method: LoadMethod = LoadMethod.AUTO
    """How rows are written: `infile` (LOAD DATA) or `insert`; `auto` takes the faster one that the
    server allows."""

    def messages_a_batch(self, partitions: int) -> int:
        """The most messages in one micro-batch of a topic with this many partitions."""
        return self.max_messages_per_batch or _MESSAGES_A_PARTITION * partitions

    @property
    def is_cluster(self) -> bool:
        """Whether the workers are not in this process, perhaps not on this machine."""
        return self.spark_master is not None and not self.spark_master.startswith("local")
