"""What a Spark cluster gets from the driver."""

import zipfile

import pytest

from common.errors import ConfigurationError
from consumer.driver.cluster import cluster_options
from schemas.files.folder_identity import identity_of, require_identity


@pytest.fixture
def jars(tmp_path):
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "connector.jar").touch()
    return folder


def test_executors_get_all_that_the_workers_import(jars, tmp_path):
    """Code and what it reads: schemas and catalogue."""
    options = cluster_options(jars, tmp_path)
    code, _, name = options["spark.archives"].partition("#")
    assert options["spark.executorEnv.PYTHONPATH"] == f"./{name}"
    assert options["spark.jars"] == str(jars / "connector.jar")
    with zipfile.ZipFile(code) as archive:
        names = set(archive.namelist())
    assert {"consumer/worker/daemon.py", "db/ledger.py", "schemas/catalogue.json"} <= names
    assert any(name.endswith(".avsc") for name in names)
    assert not any(name.startswith(("ops/", "producer/")) or ".pyc" in name for name in names)


@pytest.mark.parametrize("name", ["a b", "a,b", "a#b", "100%", "[a]", "{a}", "a*"])
def test_folders_that_spark_would_misread_are_named(jars, tmp_path, name):
    with pytest.raises(ConfigurationError, match="it misreads its name \\(SPARK_JARS_DIR\\)"):
        cluster_options(jars / name, tmp_path)


def test_a_folder_is_recognised_by_what_is_in_it(tmp_path):
    """Not by its path: that is the same on every machine."""
    shared, own = tmp_path / "shared", tmp_path / "own"
    identity = identity_of(shared)
    assert identity_of(shared) == identity
    require_identity(shared, identity)
    for folder in (own, tmp_path / "missing"):
        own.mkdir(exist_ok=True)
        with pytest.raises(ConfigurationError, match="is not the folder that the driver writes to"):
            require_identity(folder, identity)
    assert identity_of(own) != identity
    with pytest.raises(ConfigurationError, match="mount the same folder"):
        require_identity(own, identity)


def test_an_identity_that_was_cut_off_is_made_again(tmp_path):
    """A full disk leaves the file empty; a machine where the folder is missing has no more than that."""
    (tmp_path / ".folder-id").touch()
    identity = identity_of(tmp_path)
    assert identity_of(tmp_path) == identity
    with pytest.raises(ConfigurationError, match="is not the folder that the driver writes to"):
        require_identity(tmp_path / "missing", identity)
