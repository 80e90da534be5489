"""The page about containers, typed as it is written, in a clean clone."""

from tests.documents import CONTAINERS, blocks, text_of
from tests.waiting import wait_until


def test_every_command_block_of_the_page_works_in_the_order_of_the_page(make_project):
    project = make_project()
    for block in blocks(text_of(CONTAINERS), "sh"):
        done = project.run("bash", "-euo", "pipefail", "-c", block)
        if "--wait\n" in block and "down -v" not in block:
            wait_until(project.accepted)  # the next blocks need rows
        if "vitals reconcile" in block:
            assert "PROVED: " in done.stdout
            assert "NOT PROVED" not in done.stdout
        if "--scale producer=4" in block:
            assert len(project.containers("producer")) == 4
        if "console-consumer" in block:
            assert done.stdout.count("batch-id:") == 2
            assert "demo-0" in done.stdout
        if "--reset-offsets" in block:
            assert done.stdout.count("sensor-batches") == 4
    assert not project.compose("ps", "--all", "--quiet").stdout
    assert not project.run("docker", "volume", "ls", "-q", "-f", f"name={project.name}").stdout
