"""Another server answers while the database is away."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ops.storm.errors import NotNowError
from ops.storm.faults.kind import Evidence, FaultKind
from ops.storm.rogue import RogueDatabase
from ops.storm.world import World


@contextmanager
def _rogue(world: World, draw: random.Random) -> Iterator[Evidence]:
    """On the database's port, with TLS of its own, without any, or refusing everybody at once."""
    service, database = world.service("database"), world.pipeline.stack.database
    offers_tls, refuses_first = draw.choice([(True, False), (False, False), (True, True)])
    rogue = RogueDatabase(offers_tls=offers_tls, refuses_first=refuses_first)
    service.hold()
    database.kill()
    try:
        with rogue.serve(database.port):
            yield lambda: rogue.visitors > 0
    except OSError as error:
        raise NotNowError("its port is taken") from error
    finally:
        world.told_to_rogues += rogue.heard
        service.release(time.monotonic())


KINDS = [FaultKind("rogue-server", _rogue, 4, 8)]
