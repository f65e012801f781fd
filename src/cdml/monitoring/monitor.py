"""One look at what serves: read, judge what is closed, remember, react."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cdml.ci.provenance import producer
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.monitoring import MonitoringSettings
from cdml.data.drift.profile_file import PREDICTIONS_FILE, read_profile
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.evaluation.prediction_store import Layout
from cdml.evaluation.task import layout as find_layout
from cdml.evidence import store
from cdml.evidence.monitor import Alarm, Monitoring, PerformanceEstimate
from cdml.evidence.schema import Evaluation
from cdml.journal.file import parse_journal
from cdml.journal.port import Moved
from cdml.monitoring.advance import LOOK_BACK, advance, assign, first_window, start_period
from cdml.monitoring.claim import OwnClaim
from cdml.monitoring.columns import columns_of, needed_columns
from cdml.monitoring.drift_look import DriftLook, JudgedRows
from cdml.monitoring.estimate import EstimateLook
from cdml.monitoring.feature_alarms import feature_alarms
from cdml.monitoring.feeds import Feeds, feed_alarms, open_feeds, watched_columns
from cdml.monitoring.known_classes import negative_classes, positive_class, stored_classes
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.promises import find_promises
from cdml.monitoring.reactions import Reactions, intend, refuse_reactions, with_earlier
from cdml.monitoring.replay import Replay
from cdml.monitoring.rollbacks import Rollbacks, has_rollbacks
from cdml.monitoring.row_alarms import class_alarms, row_alarms, unserved_alarms
from cdml.monitoring.serving import ServingPeriod, serving_periods
from cdml.monitoring.state import (
    LabelDriftState,
    MonitorState,
    PeriodState,
    dump_state,
    parse_state,
)
from cdml.monitoring.state_size import MOST_ENDED, fit_state
from cdml.monitoring.verdict import conclude
from cdml.monitoring.windows import Grid, WindowQuery, WindowRows
from cdml.report.formats.monitoring_issue import issue_body
from cdml.report.formats.monitoring_page import MONITORING_PAGE, render_monitoring_page
from cdml.statistics.metrics import Task
from cdml.tables.table import Table

_ATTEMPTS = 3
"""Looks that are repeated because another one wrote first."""


def monitor(
    loaded: LoadedConfig,
    ports: MonitoringPorts,
    *,
    output: Path,
    environment: str | None = None,
    dry_run: bool = False,
) -> Monitoring:
    """Judge every window that closed since the last look; write monitor.json and monitor.html.

    Raises:
        ConfigurationError: `monitoring` is missing.
        InputError: predictions, labels, journal or state cannot be used.
        ServiceError: a service does not answer, or other runs keep writing the state.
    """
    settings = loaded.config.monitoring
    if settings is None:
        raise ConfigurationError(
            f"{loaded.path}: monitoring is missing.",
            "Add it: it says where predictions and labels are logged (docs/monitoring.md).",
        )
    refuse_reactions(settings, ports)
    store.remove_files(output / MONITORING_PAGE)
    where = environment or loaded.config.deploy.environment
    claim = OwnClaim(ports=ports)
    for _ in range(_ATTEMPTS):
        try:
            look = Look(
                loaded=loaded,
                settings=settings,
                ports=ports,
                environment=where,
                output=output,
                claim=claim,
            )
            evidence = look.run(dry_run=dry_run)
        except Moved:
            continue
        store.write_evidence(output, evidence)
        store.write_atomically(output / MONITORING_PAGE, render_monitoring_page(evidence))
        ports.ci_run.add_summary(issue_body(evidence))
        return evidence
    raise ServiceError(
        "Other runs keep writing the monitoring state.",
        "Let one run at a time monitor an environment: set `concurrency` in the workflow.",
    )


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look."""

    loaded: LoadedConfig
    settings: MonitoringSettings
    ports: MonitoringPorts
    environment: str
    output: Path
    claim: OwnClaim

    @property
    def grid(self) -> Grid:
        """The windows."""
        return Grid(
            length=timedelta(seconds=self.settings.window),
            delay=timedelta(seconds=self.settings.label_delay),
        )

    def run(self, *, dry_run: bool) -> Monitoring:
        """Look once.

        Raises:
            Moved: another run wrote the state first.
        """
        model = self.loaded.config.model
        journal = parse_journal(
            self.ports.journal.read(), model=model, environment=self.environment
        )
        snapshot = self.ports.monitoring_state.read()
        before = parse_state(snapshot, model=model, environment=self.environment)
        periods = serving_periods(journal)
        if not periods:
            return self._evidence(before, None, ())
        now = self.ports.clock.now()
        watched = periods[_first_watched(before, periods) :]
        since = self.grid.start(first_window(before, watched, self.settings, self.grid, now))
        new = all(one.operation != periods[-1].operation for one in before.periods)
        known = {} if new else before.columns
        feeds = open_feeds(self.loaded, self.settings, self.ports.tables, since=since, known=known)
        alarms = list(
            feed_alarms(
                feeds,
                known,
                self.settings,
                needed=needed_columns(self.loaded.config, self.settings),
                now=now,
                since=periods[-1].since,
            )
        )
        broken = any(
            one.kind in {"column", "schema"} and one.verdict is Verdict.INCONCLUSIVE
            for one in alarms
        )
        state, replay, judged = before, None, None
        if feeds.readable and not broken:
            replay = Replay(
                loaded=self.loaded,
                settings=self.settings,
                ports=self.ports,
                grid=self.grid,
                starts=tuple(one.since for one in periods),
            )
            state, more, judged = self._judge(before, periods, feeds, fresh=new)
            alarms += more
        log = None if broken else feeds.predictions.table
        state, more = self._drift.compare(state, periods, log, judged)
        alarms += more
        alarms += feature_alarms(self.loaded, self.ports)
        state = fit_state(state)
        estimate = self._estimate(state, periods, feeds, log)
        evidence = self._evidence(state, feeds, alarms, estimate)
        if dry_run:
            return evidence
        intended = intend(state, evidence, self.settings, now, serving=periods[-1].operation)
        if not has_rollbacks(intended):  # they may take longer than a claim is good for
            intended = self.claim.on(intended)
        commit = self._remember(before, intended, snapshot.commit)
        rollbacks = Rollbacks(
            loaded=self.loaded,
            ports=self.ports,
            environment=self.environment,
            serving=periods[-1].operation,
            output=self.output,
        )
        proven = rollbacks.prove(intended, replay)
        commit = self._remember(intended, proven, commit)
        restored = self.claim.on(rollbacks.carry_out(proven, evidence))
        commit = self._remember(proven, restored, commit)
        evidence = with_earlier(evidence, intended, restored)
        reactions = Reactions(ports=self.ports, settings=self.settings, claim=self.claim)
        done, evidence = reactions.carry_out(restored, evidence)
        commit = self._remember(restored, done, commit)
        return evidence.model_copy(update={"state": commit})

    def _remember(
        self, before: MonitorState, after: MonitorState, commit: str | None
    ) -> str | None:
        """Write the state if it differs, and give its commit.

        Raises:
            Moved: another run wrote it first.
        """
        if after == before:
            return commit
        subject = f"monitor: {after.model} in {after.environment}"
        return self.ports.monitoring_state.write(dump_state(after), subject, commit)

    def _judge(
        self,
        before: MonitorState,
        periods: Sequence[ServingPeriod],
        feeds: Feeds,
        *,
        fresh: bool,
    ) -> tuple[MonitorState, list[Alarm], JudgedRows]:
        """The state after this look, what its rows give rise to, and those of what serves.

        `fresh` is a version that no look has seen before: the columns are its own.
        """
        layout = self._layout(feeds)
        known = {one.operation: one for one in before.periods}
        begin = _first_watched(before, periods)
        watched = periods[begin:]
        closed = self.grid.closed(self.ports.clock.now())
        for one in watched:
            waits = one is not watched[-1] and self.grid.number(one.since) >= closed
            if one.operation not in known and not waits:
                known[one.operation] = self._start(one, layout.task, feeds)
        open_ = [known[one.operation] for one in watched if one.operation in known]
        labels = self._drift.remembered_labels(before, periods[-1], layout.task)
        rows = self._rows(
            [one for one in open_ if not one.over],
            periods,
            feeds,
            layout,
            closed,
            labels,
        )
        by_period, unknown = assign(rows, periods)
        moved: list[PeriodState] = []
        for place, period in enumerate(watched, begin):
            if period.operation not in known:
                continue
            state = known[period.operation]
            if not state.over:
                state = advance(
                    state,
                    by_period.get(place, ()),
                    closed=closed,
                    min_labelled=self.settings.min_labelled if feeds.labels else None,
                )
                ended = period.until is not None and self.grid.number(period.until) < closed
                state = state.model_copy(update={"over": ended})
            moved.append(state)
        needed = needed_columns(self.loaded.config, self.settings)
        now = watched_columns(feeds.columns, needed)
        columns = now if fresh else {**now, **before.columns}
        waiting = [one.since for one in watched if one.operation not in known]
        after = before.model_copy(
            update={
                "periods": tuple(reversed(moved)),
                "columns": columns,
                "waiting_since": min(waiting, default=None),
            }
        )
        judged = JudgedRows(
            rows=by_period.get(len(periods) - 1, ()),
            closed=closed,
            task=layout.task,
            labels=labels,
        )
        config = self.loaded.config
        classes = [name for period in after.periods for name in period.classes]
        alarms = [
            *row_alarms(rows, unknown, after.periods[0], self.settings),
            *unserved_alarms(
                rows, by_period.get(len(periods) - 1, ()), after.periods[0], self.grid
            ),
            *class_alarms(
                rows,
                positive_class(config, layout.task),
                negative_classes(config, layout.task, classes),
                named=labels is not None,
            ),
        ]
        return after, alarms, judged

    @property
    def _drift(self) -> DriftLook:
        return DriftLook(
            loaded=self.loaded, settings=self.settings, ports=self.ports, grid=self.grid
        )

    def _estimate(
        self,
        state: MonitorState,
        periods: Sequence[ServingPeriod],
        feeds: Feeds,
        log: Table | None,
    ) -> PerformanceEstimate | str:
        if log is None:
            return "the predictions cannot be read"
        look = EstimateLook(
            loaded=self.loaded, settings=self.settings, ports=self.ports, grid=self.grid
        )
        try:
            layout = self._layout(feeds)
        except InputError as error:  # only labels tell the task, and there are none
            return error.message.rstrip(".")
        classes = state.periods[0].classes if state.periods else ()
        return look.estimate(periods, log, layout, classes)

    def _layout(self, feeds: Feeds) -> Layout:
        table = (feeds.labels or feeds.predictions).table
        return find_layout(self.loaded.config, table.fields if table else ())

    def _start(self, period: ServingPeriod, task: Task, feeds: Feeds) -> PeriodState:
        evaluation, classes = self._stored(period, task)
        promises, without = find_promises(
            self.loaded.config, self.settings, task, evaluation, feeds.predictions.types
        )
        first = self.grid.number(period.since)
        return start_period(period, first, promises, without, self.settings, classes)

    def _stored(
        self, period: ServingPeriod, task: Task
    ) -> tuple[Evaluation | None, tuple[str, ...]]:
        """The version's evaluation at its gate, and the classes of a binary label there."""
        registry, name = self.ports.registry, str(self.loaded.config.data.label)
        evaluation, classes = None, tuple[str, ...]()
        try:
            version = registry.version(self.loaded.config.model, period.version)
            with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-promise")) as scratch:
                folder = registry.evidence(version, Path(scratch))
                if folder is not None and self.settings.against == "gates":
                    evaluation = store.read_evidence(folder, Evaluation)
                if folder is not None and task is Task.BINARY:
                    stored = read_profile(folder / PREDICTIONS_FILE)
                    classes = stored_classes(stored.profile.by_name.get(name) if stored else None)
        except InputError as error:
            self.ports.progress.note(
                f"The evidence of v{period.version} cannot be used: {error.message}"
            )
        if evaluation is not None and evaluation.model.digest != period.digest:
            evaluation = None
        return evaluation, classes

    def _rows(
        self,
        open_: Sequence[PeriodState],
        periods: Sequence[ServingPeriod],
        feeds: Feeds,
        layout: Layout,
        closed: int,
        label_drift: LabelDriftState | None,
    ) -> tuple[WindowRows, ...]:
        """The rows of all windows that closed since the last look, and of a few before.

        The labels of each class are counted with `label_drift`, or if the classes are unknown.
        """
        predictions = feeds.predictions.table
        nexts = [one.next_window for one in open_]
        nexts += [label_drift.next_window] if label_drift else []
        next_ = min(nexts, default=closed)
        first = max(next_ - LOOK_BACK, self.grid.number(periods[0].since))
        if predictions is None or first >= closed:
            return ()
        labels = feeds.labels.table if feeds.labels else None
        figures = [rule.figure for period in open_ for rule in period.rules]
        columns = columns_of(
            self.loaded.config,
            self.settings,
            predictions,
            layout,
            figures,
            [name for period in open_ for name in period.classes],
        )
        unsure = layout.task is Task.BINARY and columns.negatives is None
        query = WindowQuery(
            columns=columns,
            grid=self.grid,
            first=first,
            last=closed - 1,
            starts=tuple(one.since for one in periods),
            figures=tuple({one.key: one for one in figures}.values()),
            classes=labels is not None and (unsure or label_drift is not None),
            parts=tuple(
                dict.fromkeys(
                    rule.part
                    for period in open_
                    for rule in period.rules
                    if rule.part is not None and rule.part[0] in feeds.predictions.types
                )
            ),
        )
        with self.ports.progress.step("joining predictions with labels"):
            return self.ports.prediction_log.summarise(predictions, labels, query)

    def _evidence(
        self,
        state: MonitorState,
        feeds: Feeds | None,
        alarms: Sequence[Alarm],
        estimate: PerformanceEstimate | str | None = None,
    ) -> Monitoring:
        return conclude(
            state,
            alarms,
            grid=self.grid,
            feeds=feeds,
            drift=self._drift.describe(state),
            estimate=estimate,
            produced=producer(self.ports.ci_run, self.ports.clock),
        )


def _first_watched(before: MonitorState, periods: Sequence[ServingPeriod]) -> int:
    """Where the oldest period is that is remembered; those before it were forgotten.

    The first look knows none, and begins with the last ones.
    """
    operations = [one.operation for one in periods]
    remembered = [
        operations.index(one.operation) for one in before.periods if one.operation in operations
    ]
    waiting = before.waiting_since
    if waiting is not None:
        remembered += [place for place, one in enumerate(periods) if one.since >= waiting][:1]
    return min(remembered, default=max(0, len(periods) - 1 - MOST_ENDED))
