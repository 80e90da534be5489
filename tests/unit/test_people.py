"""The register of people, and `vitals users` that changes it."""

import json

import pytest

from common.errors import BadInputError, ConfigurationError
from ops.people.register import PageRole, People
from ops.stack.folders import MARK, clear


@pytest.fixture
def users(vitals, monkeypatch):
    """Runs `vitals users` in an empty folder: exit code, output, errors."""
    monkeypatch.delenv("VITALS_PEOPLE", raising=False)
    return lambda *words: vitals("users", *words)


def test_a_person_is_added_listed_and_removed(users, tmp_path):
    code, secret, _ = users("add", "ana", "--role", "engineer")
    assert code == 0
    assert len(secret.strip()) * 5 >= 128
    people = People(tmp_path / "home" / "people.json")
    assert people.register().holder(secret.strip()).name == "ana"
    listed = json.loads(users("list", "--json")[1])
    assert (listed["name"], listed["role"]) == ("ana", "engineer")
    assert listed.keys() == {"name", "role", "since"}
    assert "ana" in users("list")[1]
    assert users("remove", "ana")[0] == 0
    assert people.register().people == ()
    assert users("list", "--json")[1] == ""


def test_people_who_are_added_first_do_not_make_the_home_somebody_elses(users, tmp_path):
    users("add", "ana")
    home = tmp_path / "home"
    assert (home / MARK).exists()
    clear(home)
    assert not (home / "people.json").exists()


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\n", "[red]", "\x1b[31m", "é"])
def test_a_name_that_could_hide_something_is_refused(users, tmp_path, name):
    with pytest.raises(ConfigurationError, match="a name has"):
        People(tmp_path / "people.json").add(name, PageRole.VIEWER)


def test_a_name_is_given_once_and_the_roles_are_two(users):
    assert users("add", "ana")[0] == 0
    assert users("add", "ana")[0] == 2
    assert users("add", "bob", "--role", "owner")[0] == 2
    assert users("remove", "bob")[0] == 4


def test_every_secret_is_another_one_and_each_opens_for_its_own_person(tmp_path):
    people = People(tmp_path / "people.json")
    secrets = {people.add(f"p{number}", PageRole.VIEWER): f"p{number}" for number in range(20)}
    register = people.register()
    assert {secret: register.holder(secret).name for secret in secrets} == secrets
    assert register.holder("") is None


def test_a_change_of_another_process_shows_at_once(tmp_path):
    mine, others = People(tmp_path / "people.json"), People(tmp_path / "people.json")
    assert mine.register().people == ()
    others.add("ana", PageRole.VIEWER)
    assert [person.name for person in mine.register().people] == ["ana"]
    others.remove("ana")
    assert mine.register().people == ()
    with pytest.raises(BadInputError):
        mine.remove("ana")
