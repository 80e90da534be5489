"""How many tasks the consumer runs at a time on one machine."""

import os

import pytest

from consumer.driver.slots import local_master
from consumer.settings import ConsumerSettings


@pytest.fixture
def sixteen_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


@pytest.mark.parametrize(
    ("limits", "slots"),
    [
        ({}, 32),
        ({"cpu.max": "max 100000\n"}, 32),
        ({"cpu.max": "200000 100000\n"}, 4),
        # half a core, one and a half
        ({"cpu.max": "50000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 4),
        # more than the machine has
        ({"cpu.max": "9900000 100000\n"}, 32),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 32),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 6),
    ],
)
def test_two_tasks_for_each_core_that_the_consumer_may_use(sixteen_cores, tmp_path, limits, slots):
    for name, text in limits.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert local_master(tmp_path) == f"local[{slots}]"


@pytest.mark.parametrize(
    ("master", "is_cluster"),
    [(None, False), ("", False), ("local[2]", False), ("spark://host:7077", True)],
)
def test_only_another_master_is_a_cluster(monkeypatch, tmp_path, master, is_cluster):
    if master is not None:
        monkeypatch.setenv("SPARK_MASTER", master)
    assert ConsumerSettings(spark_jars_dir=tmp_path).is_cluster is is_cluster
