"""The stack in containers, built from a clone and started as a user would. No engine: no pass."""

import subprocess
import time
import uuid

import pytest

from tests.compose.project import Project, clone


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A clone whose images are built; a broken engine fails here."""
    engine = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    assert engine.returncode == 0, f"no container engine answers:\n{engine.stderr}"
    folder = clone(tmp_path_factory.mktemp("clone"))
    project = Project("vitals-build", folder)
    project.compose("--profile", "tools", "build", seconds=1800)
    return folder


@pytest.fixture(scope="module")
def make_project(built, tmp_path_factory):
    """Makes projects in clones of their own; they are removed after the module, volumes and all:
    two stacks at once are too many for two cores.
    """
    made = []

    def make(**settings):
        folder = clone(tmp_path_factory.mktemp("clone"))
        project = Project(f"vitals-test-{uuid.uuid4().hex[:8]}", folder, settings)
        made.append(project)
        return project

    yield make
    for project in made:
        project.remove()


@pytest.fixture(scope="module")
def stack(make_project):
    """One running stack of 100 patients for a module; `started_s` is how long `up` took."""
    project = make_project()
    project.make_secrets()
    began = time.monotonic()
    project.compose("up", "--detach", "--wait")
    project.started_s = time.monotonic() - began
    return project
