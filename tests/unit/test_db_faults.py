import ssl

import pytest
from mysql.connector import errors

from common.errors import BadInputError, ConfigurationError, UnavailableError
from db.faults import FaultKind, class_of, kind_of, reported


@pytest.mark.parametrize("errno", [2002, 2003, 2006, 2013, 2055, 1040, 1053, 1205, 1213, 1290])
@pytest.mark.parametrize("kind", [errors.InterfaceError, errors.ProgrammingError, errors.Error])
def test_the_number_decides_and_not_the_class(errno, kind):
    assert kind_of(kind("x", errno=errno)) is FaultKind.TRANSIENT


@pytest.mark.parametrize("errno", [1044, 1045, 1049, 1054, 1142, 1146, 1148, 3948, 4166])
def test_what_a_person_must_change_is_configuration(errno):
    assert kind_of(errors.DatabaseError("x", errno=errno)) is FaultKind.CONFIGURATION


@pytest.mark.parametrize("errno", [1062, 1064, 1264, 1366, 1406, 1452, 9999])
def test_what_is_wrong_with_the_row_is_data(errno):
    assert kind_of(errors.DatabaseError("x", errno=errno)) is FaultKind.DATA


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.OperationalError("MySQL Connection not available"), FaultKind.TRANSIENT),
        (errors.InterfaceError("Expected OK packet"), FaultKind.TRANSIENT),
        (errors.ReadTimeoutError(errno=3024), FaultKind.TRANSIENT),
        (errors.DatabaseError("x", errno=5555, sqlstate="08S01"), FaultKind.TRANSIENT),
        (errors.ProgrammingError("Not all parameters were used"), FaultKind.DATA),
        (BrokenPipeError(), FaultKind.TRANSIENT),
        (TimeoutError(), FaultKind.TRANSIENT),
        (ssl.SSLEOFError(), FaultKind.TRANSIENT),
        (FileNotFoundError(), FaultKind.DATA),
        (UnavailableError("x"), FaultKind.TRANSIENT),
        (ConfigurationError("x"), FaultKind.CONFIGURATION),
        (BadInputError("x"), FaultKind.DATA),
        (ValueError(), FaultKind.DATA),
    ],
)
def test_faults_without_a_known_number(error, kind):
    assert kind_of(error) is kind


def test_a_reported_fault_says_what_was_done_and_what_to_do():
    with pytest.raises(UnavailableError, match="cannot seed"), reported("seed"):
        raise errors.OperationalError("x", errno=2013)
    with pytest.raises(ConfigurationError, match="python -m db migrate"), reported("seed"):
        raise errors.ProgrammingError("x", errno=1146)
    with pytest.raises(errors.IntegrityError), reported("seed"):
        raise errors.IntegrityError("x", errno=1062)


def test_a_connection_that_is_lost_while_parameters_are_quoted_is_no_wrong_parameter():
    """The driver wraps whatever happens there into one error of its own."""

    def wrapped(cause):
        found = errors.ProgrammingError(f"Failed processing format-parameters; {cause}")
        found.__cause__ = cause
        return kind_of(found)

    assert wrapped(errors.OperationalError("MySQL Connection not available")) == (
        FaultKind.TRANSIENT
    )
    assert wrapped(TypeError("Python 'tuple' cannot be converted")) is FaultKind.DATA


def test_class_of_an_error_is_its_kind_and_the_drivers_number():
    lost = UnavailableError("cannot reach the database")
    lost.__cause__ = errors.InterfaceError("x", errno=2003)
    assert class_of(errors.DatabaseError("x", errno=1205)) == "transient_1205"
    assert class_of(lost) == "transient_2003"
    assert class_of(errors.DatabaseError("x", errno=1062)) == "data_1062"


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("cannot take a batch"),
        errors.OperationalError("MySQL Connection not available", errno=-1),
        ConnectionResetError(104, "reset by peer"),
    ],
)
def test_class_of_an_error_without_a_number_of_the_server_is_other(error):
    assert class_of(error) == "transient_other"
