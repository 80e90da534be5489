"""The compose section of the README, typed as it stands, in a clean clone."""

from tests.readme import CONTAINERS, blocks, section
from tests.waiting import wait_until

SECTION = section("README.md", *CONTAINERS)


def test_every_command_block_of_the_section_works_in_the_order_of_the_page(make_project):
    project = make_project()
    for block in blocks(SECTION, "sh"):
        done = project.run("bash", "-euo", "pipefail", "-c", block, seconds=600)
        if "--wait\n" in block and "down -v" not in block:
            wait_until(project.accepted)  # what comes next is about rows
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


def test_powershell_takes_the_same_commands():
    known = {line for block in blocks(SECTION, "sh") for line in block.splitlines()}
    plain = {line.replace(' --user "$(id -u):$(id -g)"', "") for line in known}
    (block,) = blocks(SECTION, "powershell")
    for line in block.splitlines():
        assert line in plain or line.startswith("$env:"), line
