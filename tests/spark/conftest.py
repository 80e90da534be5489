"""One Spark session for all tests of the transforms: starting it takes longer than most of them."""

import pytest

from consumer.driver.session import build_session
from consumer.settings import ConsumerSettings


@pytest.fixture(scope="session")
def spark(jars):
    session = build_session(
        ConsumerSettings(spark_jars_dir=jars / "spark", spark_master="local[1]")
    )
    yield session
    session.stop()
