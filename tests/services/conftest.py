"""Pipelines for the service tests; a missing broker or database fails them."""

import pytest

from tests.services.pipeline import new_pipeline


@pytest.fixture
def make_pipeline(broker, database_server, jars, class_archive, tmp_path):
    """Creates pipelines with a migrated database and the demo patients; drops the databases."""
    made = []

    def make(*, patients=10, partitions=4):
        pipeline = new_pipeline(
            broker.settings,
            database_server.admin_settings(),
            jars,
            class_archive,
            tmp_path,
            patients=patients,
            partitions=partitions,
        )
        made.append(pipeline)
        return pipeline

    yield make
    for pipeline in made:
        pipeline.drop_database()


@pytest.fixture
def pipeline(make_pipeline):
    """One pipeline with ten demo patients."""
    return make_pipeline()
