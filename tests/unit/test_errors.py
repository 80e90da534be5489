"""The error tree: what a person sees, and what travels between processes."""

import pickle

import pytest

from common.errors import BadInputError, ConfigurationError, UnavailableError, VitalsError
from consumer.driver.offsets import TopicRecreatedError

KINDS = [ConfigurationError, UnavailableError, BadInputError]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_what_happened_and_what_to_do(kind):
    error = kind("cannot reach the broker", hint="start it with `vitals up`")
    assert isinstance(error, VitalsError)
    assert str(error) == "cannot reach the broker\n  -> start it with `vitals up`"


def test_without_a_hint_there_is_no_arrow():
    assert str(BadInputError("cannot read a.csv")) == "cannot read a.csv"


@pytest.mark.parametrize("kind", [VitalsError, *KINDS, TopicRecreatedError])
def test_an_error_keeps_its_hint_from_a_worker_to_the_driver(kind):
    error = pickle.loads(pickle.dumps(kind("operation", hint="next step")))  # noqa: S301 - our own bytes
    assert type(error) is kind
    assert (error.message, error.hint) == ("operation", "next step")


def test_every_kind_ends_a_program_with_a_status_of_its_own():
    codes = [kind.exit_code for kind in (VitalsError, *KINDS)]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes
