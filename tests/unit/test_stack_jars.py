"""The committed list of jars and its verification."""

import hashlib
import xml.etree.ElementTree as ET

import pytest

from common.errors import ConfigurationError
from ops.stack.ivy import ivy_jar, module_descriptor
from ops.stack.jars import Jar, JarSet, is_complete, listed_jars, verify


def a_jar(content: bytes) -> Jar:
    digest = hashlib.sha256(content).hexdigest()
    return Jar(JarSet.SPARK, "org.example", "thing", "1.0", len(content), digest)


def test_every_set_is_listed_with_checksums():
    for jar_set in JarSet:
        jars = listed_jars(jar_set)
        assert jars
        assert all(len(jar.sha256) == 64 and jar.size_bytes > 0 for jar in jars)
        assert len({jar.file_name for jar in jars}) == len(jars)


def test_spark_set_holds_only_what_pyspark_does_not_ship():
    shipped = {path.name for path in ivy_jar().parent.glob("*.jar")}
    assert not shipped & {jar.file_name for jar in listed_jars(JarSet.SPARK)}


def test_descriptor_follows_no_dependencies():
    """Only what is listed with a checksum may be downloaded."""
    root = ET.fromstring(module_descriptor(listed_jars(JarSet.KAFKA)))  # noqa: S314 - our own text
    dependencies = root.findall("./dependencies/dependency")
    assert len(dependencies) == len(listed_jars(JarSet.KAFKA))
    assert {dependency.get("transitive") for dependency in dependencies} == {"false"}


def test_verified_folder_is_complete_and_a_changed_list_is_not(tmp_path):
    jar = a_jar(b"content")
    (tmp_path / jar.file_name).write_bytes(b"content")
    assert not is_complete(tmp_path, [jar])
    verify(tmp_path, [jar])
    assert is_complete(tmp_path, [jar])
    assert not is_complete(tmp_path, [a_jar(b"a newer one")])


def test_jar_with_another_checksum_is_refused_and_removed(tmp_path):
    """A tampered download must not run, nor at the next start."""
    jar = a_jar(b"content")
    path = tmp_path / jar.file_name
    path.write_bytes(b"changed")
    with pytest.raises(ConfigurationError, match="has SHA-256"):
        verify(tmp_path, [jar])
    assert not path.exists()
    assert not is_complete(tmp_path, [jar])


def test_jar_that_did_not_arrive_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="was not retrieved"):
        verify(tmp_path, [a_jar(b"content")])
