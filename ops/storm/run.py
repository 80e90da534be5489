"""One run from an empty folder to the verdict."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

from common.broker.principals import Principal
from common.errors import UnavailableError
from common.times import unix_ms
from db.connection import connect
from ops.look.live_view import LiveView
from ops.look.snapshot import Observer, lag_if_possible, look_if_possible
from ops.stack.environments import Plan
from ops.stack.invocation import Invocation
from ops.stack.pipeline import Pipeline
from ops.stack.ports import LOOPBACK
from ops.storm.corrections import Corrections
from ops.storm.disks import Disk, is_inside, small_disks
from ops.storm.errands import Errands
from ops.storm.found import read_everything
from ops.storm.injected import Injected
from ops.storm.judge import judge
from ops.storm.proxy import TcpProxy
from ops.storm.recovery import COMMITS, Commit, Input, Recovery, recoveries_after
from ops.storm.simulated import newest_common_window, simulated_batches
from ops.storm.storm import Storm, planned_faults
from ops.storm.trial import Outcome, Trial
from ops.storm.verdict import Truth, Verdict
from ops.storm.world import World
from schemas.catalogue import sensors
from schemas.files.raw import batches_in

_FAULT_SHARE = 0.02
_WINDOW_SECONDS = 2
_SAMPLE_SECONDS = 0.5
_PRODUCERS = 2
_START_SECONDS = 180
_CATCH_UP_SECONDS = 300
_LOOK_EVERY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 2.0
_WINDOW_MS = _WINDOW_SECONDS * 1000


class Run:
    """A pipeline of its own in ``prove`` in VITALS_HOME, behind proxies and on small disks."""

    def __init__(self, invocation: Invocation, trial: Trial, view: LiveView) -> None:
        """Claims the folder; starts nothing."""
        settings = invocation.settings
        self._trial, self._view = trial, view
        self._produced_until = 0.0
        self.home = settings.home / "prove"
        self._proxies = {
            "broker": TcpProxy(lambda: self._pipeline.stack.broker.port),
            "database": TcpProxy(lambda: self._pipeline.stack.database.port),
        }
        for proxy in self._proxies.values():
            proxy.start()
        own = settings.model_copy(
            update={
                "vitals_home": self.home,
                "vitals_cache": settings.cache,
                "output_dir": self.home / "output",
                "fault_share": _FAULT_SHARE,
                "simulation_seed": trial.seed,
            }
        )
        plan = Plan(
            producers=_PRODUCERS,
            patients=trial.patients,
            fresh=True,
            environment=self._environment(),
            # a part is killed so often that it would spend the storm waiting
            longest_delay_seconds=_LONGEST_DELAY_SECONDS,
            kafka_advertised_port=self._proxies["broker"].port,
        )
        self._pipeline = Pipeline(replace(invocation, settings=own), plan, view.say)
        self._disks = self._mount(invocation.environment)

    def play(self) -> Outcome:
        """Starts everything, plays the storm, waits for all of it to be committed, and judges.

        Raises VitalsError if a part cannot run.
        """
        began = time.monotonic()
        pipeline, trial = self._pipeline, self._trial
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        pipeline.start()
        world, observer = self._world, self._observer
        storm = Storm(world, self._view.say)
        try:
            first_windows = self._wait_for_first_windows()
            plan = planned_faults(
                trial.seed, trial.seconds, trial.kinds, each_lasts=trial.fault_seconds
            )
            self._view.say(f"the storm begins: {len(plan)} faults, seed {trial.seed}")
            storm.run(plan, trial.seconds, lambda now: self._show(now, storm))
            world.injected.finish()
            until = unix_ms() // _WINDOW_MS * _WINDOW_MS
            late = self._catch_up(until)
        finally:
            observer.close()
        verdict = self._judge(first_windows, until)
        verdict.findings += late
        # not what it was: a finding is shown
        told = [f"{len(said)} bytes" for said in world.told_to_rogues]
        verdict.demand(told, "messages were told to a server that is not ours")
        services = pipeline.supervisor.services
        restarts = {service.process.name: service.restarts for service in services}
        return Outcome(verdict, storm, self._recoveries(storm), time.monotonic() - began, restarts)

    def stop(self) -> None:
        """Ends everything; safe to repeat."""
        self._pipeline.stop()
        for proxy in self._proxies.values():
            proxy.close()

    def _environment(self) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{self._proxies['broker'].port}",
            "DB_PORT": str(self._proxies["database"].port),
            "DB_CONNECT_TIMEOUT_SECONDS": "5",
            "GENERATION_INTERVAL_SECONDS": str(_WINDOW_SECONDS),
            "SENSOR_INTERVAL_SECONDS": str(_SAMPLE_SECONDS),
            # a window that nobody could make in time is not given up during the run
            "CATCH_UP_SECONDS": str(round(self._trial.seconds) + 3_600),
            # shorter than an outage of the broker: deliveries must fail, too
            "DELIVERY_TIMEOUT_SECONDS": "10",
            "TMPDIR": str(self.home / "tmp"),
        }

    def _mount(self, environment: Mapping[str, str]) -> dict[str, Disk]:
        if not is_inside(environment):
            self._view.say(
                "this machine allows no mounts: disks are neither filled nor made read-only"
            )
            return {}
        return small_disks(self._pipeline.output, self._trial.minutes)

    @cached_property
    def _observer(self) -> Observer:
        return Observer(self._pipeline.kafka(), self._pipeline.database())

    @cached_property
    def _world(self) -> World:
        pipeline = self._pipeline
        errands = Errands(pipeline)
        return World(
            pipeline=pipeline,
            proxies=self._proxies,
            injected=Injected(pipeline.kafka(Principal.ADMIN)),
            scratch=self.home / "tmp",
            disks=self._disks,
            errands=errands,
            corrections=Corrections(errands, self.home / "corrections"),
        )

    def _wait_for_first_windows(self) -> dict[str, int]:
        """The start of each patient's first window, once all have rows: producers start one by one."""
        if not self._wait("starting", self._newest_common, _START_SECONDS):
            raise UnavailableError(
                f"nothing was committed within {_START_SECONDS} s",
                hint=f"the logs are in {self._pipeline.logs}",
            )
        first: dict[str, int] = {}
        for batch in batches_in((self._pipeline.output / "raw").glob("date=*/*.jsonl")):
            start = batch.window_start
            first[batch.patient_id] = min(start, first.get(batch.patient_id, start))
        return first

    def _catch_up(self, until: int) -> list[str]:
        """Waits for all windows before ``until`` and for zero lag; says what did not come."""
        self._view.say("the storm is over: waiting until everything is committed")
        missing = "windows of the storm are missing in registro"
        undone = "a repair, a resend or a correction has not ended with success"
        uncommitted = "messages are not committed"
        deadline = time.monotonic() + _CATCH_UP_SECONDS

        def has_come(what: str, is_there: Callable[[], object]) -> bool:
            return self._wait(what, is_there, deadline - time.monotonic())

        late = []
        if not has_come(missing, lambda: self._newest_common() >= until - _WINDOW_MS):
            late.append(missing)
        if not has_come(undone, lambda: self._world.is_idle):
            late.append(undone)
        self._produced_until = time.time()
        self._pipeline.stop_producers()
        if not has_come(uncommitted, lambda: lag_if_possible(self._observer) == 0):
            late.append(uncommitted)
        return [f"not caught up within {_CATCH_UP_SECONDS} s: {what}" for what in late]

    def _wait(self, what: str, is_there: Callable[[], object], seconds: float) -> bool:
        """Keeps everything running and shows it until ``is_there``; False if that is too late."""
        deadline = time.monotonic() + seconds
        while not is_there():
            self._pipeline.check()
            self._world.tick()
            self._show_snapshot(what)
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_EVERY_SECONDS)
        return True

    def _judge(self, first_windows: dict[str, int], until: int) -> Verdict:
        pipeline = self._pipeline
        found = read_everything(
            pipeline.kafka(), pipeline.database(), pipeline.output, pipeline.logs, self._view.say
        )
        self._view.say("comparing with the simulator")
        # producers went on for a moment after the storm, not all of them equally far
        last = max((batch.window_start for batch in found.archive.batches.values()), default=until)
        environment = pipeline.environments.of("oracle")
        made = simulated_batches(environment, min(first_windows.values()), max(last + 1, until))
        batches = [
            batch
            for batch in made
            if first_windows[batch.patient_id] <= batch.window_start < until
            or batch.batch_id in found.archive.batches
        ]
        truth = Truth(batches, self._world.injected.poison, self._world.corrections.values)
        return judge(truth, found)

    def _show(self, now: float, storm: Storm) -> None:
        if self._view.is_due:
            count = storm.fired.total()
            headline = f"{now:.0f} of {self._trial.seconds:.0f} s, {count} faults"
            self._show_snapshot(headline)

    def _show_snapshot(self, headline: str) -> None:
        snapshot = look_if_possible(self._observer)
        self._view.show(headline, snapshot, self._pipeline.supervisor.services)

    def _recoveries(self, storm: Storm) -> list[Recovery]:
        series = sum(len(sensor.components) for sensor in sensors())
        made = Input(self._trial.patients * series / _SAMPLE_SECONDS, self._produced_until)
        with connect(self._pipeline.database()) as connection:
            cursor = connection.cursor()
            cursor.execute(COMMITS, (self._pipeline.kafka().kafka_topic,))
            commits = [Commit(float(at), int(readings)) for at, readings in cursor.fetchall()]
        return recoveries_after(storm.outages, commits, made)

    def _newest_common(self) -> int:
        """The start of the newest window that ``registro`` has for every patient; 0 without one."""
        return newest_common_window(self._pipeline.database(), self._trial.patients, _WINDOW_MS)
