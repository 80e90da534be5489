"""What people do meanwhile: they repair what was damaged, resend what was refused, and replace secrets."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from common.broker.principals import Principal
from db.connection import connect
from ops.storm.errors import not_now_without_database
from ops.storm.faults.kind import Evidence, FaultKind
from ops.storm.world import World

_WAIT_SECONDS = 30
# rows that are still under way are left alone, so that the damage is seen
_SETTLED = "created_at < UTC_TIMESTAMP(3) - INTERVAL 20 SECOND"
_FIRST = "ORDER BY paciente_sensor_id, componente, created_at DESC LIMIT 7"
_LAST = "ORDER BY paciente_sensor_id DESC, componente, created_at DESC LIMIT 5"
_DAMAGE = (
    f"DELETE FROM registro WHERE {_SETTLED} {_FIRST}",
    f"UPDATE registro SET valor = valor + 1 WHERE {_SETTLED} {_LAST}",
)


@contextmanager
def _repair(world: World, _: random.Random) -> Iterator[Evidence]:
    """Damages rows of ``registro``; ``reconcile --repair`` is repeated until it ends with PROVED."""
    settings = world.pipeline.stack.database.settings()
    with not_now_without_database(), connect(settings) as connection:
        cursor = connection.cursor()
        for statement in _DAMAGE:
            cursor.execute(statement)
        connection.commit()
    yield _vitals(world, "repair", "reconcile", "--repair", "--wait", str(_WAIT_SECONDS))


@contextmanager
def _resend(world: World, _: random.Random) -> Iterator[Evidence]:
    """Sends entries of the quarantine again; the same rules refuse them again."""
    yield _vitals(world, "resend", "quarantine", "replay", "--reason", "out_of_range")


@contextmanager
def _rotate(world: World, _: random.Random) -> Iterator[Evidence]:
    """Replaces all certificates and passwords; whoever connects again must log in with the new ones."""
    yield _vitals(world, "rotate", "secrets", "rotate")


def _vitals(world: World, name: str, *arguments: str) -> Evidence:
    return world.errands.begin(name, Principal.ADMIN, "-m", "ops", *arguments).is_done


KINDS = [
    FaultKind("repair", _repair, 50, 60, ends_with_evidence=True),
    FaultKind("resend", _resend, 50, 60, ends_with_evidence=True),
    FaultKind("rotated-secrets", _rotate, 50, 60, ends_with_evidence=True),
]
