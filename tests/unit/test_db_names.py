from collections import Counter

from db.schema.names import person

PEOPLE = [person(7, f"demo-{number:06d}") for number in range(2_000)]


def test_the_same_seed_and_patient_give_the_same_person():
    assert [person(7, f"demo-{number:06d}") for number in range(2_000)] == PEOPLE
    assert [person(8, f"demo-{number:06d}") for number in range(2_000)] != PEOPLE


def test_names_fit_their_column_and_vary():
    assert all(len(person.name) <= 120 and " " in person.name for person in PEOPLE)
    assert len({person.name for person in PEOPLE}) > 1_500


def test_nobody_has_one_surname_twice():
    words = [[word for word in person.name.split() if word.istitle()] for person in PEOPLE]
    assert all(name[-1] != name[-2] for name in words)


def test_both_sexes_are_equally_common():
    counts = Counter(person.sex for person in PEOPLE)
    assert set(counts) == {"F", "M"}
    assert min(counts.values()) > 900
