"""How soon and how fast a backlog clears, by the ledger's times."""

from ops.storm.recovery import Commit, Input, Outage, recoveries_after

OUTAGE = Outage("outage-database", began=1000.0, ended=1100.0)


def recovery(*commits, produced_until=9_999.0):
    made = Input(rate=100.0, until=produced_until)
    (found,) = recoveries_after([OUTAGE], [Commit(990.0, 50), *commits], made)
    return found


def test_the_first_commit_and_the_speed_of_catching_up():
    found = recovery(Commit(1104.0, 3_000), Commit(1114.0, 8_000), Commit(1120.0, 500))
    assert (found.outage_seconds, found.first_commit_seconds) == (100.0, 4.0)
    # 11,000 readings in the ten seconds in which the producers made 1,000
    assert (found.backlog_readings, found.times_input) == (11_000, 11.0)


def test_a_backlog_that_never_clears_has_no_speed():
    found = recovery(Commit(1104.0, 3_000), Commit(1200.0, 100))
    assert found.first_commit_seconds == 4.0
    assert found.times_input is None


def test_no_commit_after_the_outage():
    assert recovery().first_commit_seconds is None


def test_producers_that_were_stopped_add_nothing_to_the_backlog():
    found = recovery(Commit(1104.0, 3_000), Commit(1200.0, 7_000), produced_until=1105.0)
    assert found.backlog_readings == 10_000
