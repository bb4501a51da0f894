"""The worker over a Kafka of lists: every event predicted once, whatever happens in between."""

from __future__ import annotations

import json
import math
from threading import Timer

import pytest

from streamadapt.connectors.memory import MemoryStore
from streamadapt.connectors.partition_log import BrokerError, Partition
from streamadapt.errors import IncompatibleStateError, MissingStateError, StoreAwayError
from streamadapt.live_input import LiveInput, Piece
from streamadapt.live_task import LiveTask
from streamadapt.log_feed import LogFeed, Stretch
from streamadapt.logged_source import order_taken
from streamadapt.lost_state import LostStateError
from streamadapt.tag import Tag
from streamadapt.task import Task
from tests.streamadapt.live import IDLE_S, Live, events, labels
from tests.streamadapt.memory_log import MemoryConsumer
from tests.streams import config


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamadapt.arrival_order.IDLE_S", IDLE_S)
    monkeypatch.setattr("streamadapt.arrival_order.PATIENCE_S", IDLE_S)
    monkeypatch.setattr("streamadapt.worker._LONGEST_PAUSE_S", 0.01)


INPUTS = {"e": "events", "l": "labels", "c": "control"}


_LABELLED = """
name: demo
task: {kind: classification, target: label, classes: ["no", "yes"]}
record: {id: id, features: {a: numeric, b: numeric}}
learners: {logistic: {kind: logistic}}
kafka: {bootstrap: "memory:1", events: events, output: output, dead_letters: dead,
        transaction_interval_s: 0}
"""


def _labelled_events(first: int, n: int) -> list[bytes]:
    """Events that hold their labels themselves."""
    both = zip(events(first, n), labels(first, n), strict=True)
    return [json.dumps(json.loads(event) | json.loads(label)).encode() for event, label in both]


def replayed(live: Live, number: int = 0) -> Task:
    """Return the task that takes the same records in the order told by the predictions."""
    task = LiveTask(live.config, {}, number, dict.fromkeys(INPUTS, 0))
    until = {k: len(live.log.logs[Partition(t, number)]) for k, t in INPUTS.items()}
    readers = {k: live.log.reader(Partition(t, number), 0) for k, t in INPUTS.items()}
    headers = [record.headers for record in live.log.logs[Partition("output", number)]]
    order = order_taken(iter(headers), f"events/{number}/", dict.fromkeys(INPUTS, 0), until)
    rest = [Stretch(kind, until=until[kind]) for kind in "cle"]
    feed = LogFeed(readers, until, [*order, *rest])
    while (pieces := feed.take(1000)) is not None:
        task.take_silently(pieces)
    return task.task


def ids(live: Live, number: int = 0) -> list[str]:
    return [prediction["id"] for prediction in live.predictions(number)]


def test_every_event_is_predicted_once_and_the_state_is_that_of_a_replay() -> None:
    live = Live()
    worker = live.worker()
    for first in range(0, 900, 90):
        live.write(first, 90)
        live.settle(worker, most=37)
    assert ids(live) == [f"0-{i}" for i in range(900)]
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()
    assert {"drift", "reset"} <= {fact for fact, _ in live.notes.facts}


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_worker_killed_between_any_two_turns_is_continued_to_the_bit(every: int) -> None:
    live, whole = Live(), Live()
    worker = live.worker()
    for first in range(0, 900, 45):
        live.write(first, 45)
        whole.write(first, 45)
    steady = whole.worker()
    whole.settle(steady, most=45)
    for turn in range(400):
        worker._consumer.most = 45  # type: ignore[attr-defined]
        live.turn(worker)
        if turn % (11 * every) == 10:
            live.kill(worker)
            worker = live.worker()
    live.settle(worker, most=45)
    assert ids(live) == ids(whole) == [f"0-{i}" for i in range(900)]
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


@pytest.mark.parametrize(
    "call", ["begin", "send", "send_offsets", "flush", "commit", "late_commit"]
)
def test_a_transaction_that_fails_anywhere_loses_and_repeats_nothing(call: str) -> None:
    live = Live()
    worker = live.worker()
    for first in range(0, 300, 60):
        live.write(first, 60)
        live.log.fail_at = [call]
        live.settle(worker, most=25)
    assert ids(live) == [f"0-{i}" for i in range(300)]
    assert live.notes.counts["transactions_failed"] == 5
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


@pytest.mark.parametrize("call", ["", "send_offsets", "flush", "commit", "late_commit"])
@pytest.mark.parametrize("change", ["none", "rebalance", "kill"])
def test_what_is_learned_while_a_transaction_is_under_way_belongs_to_the_next_one(
    call: str, change: str
) -> None:
    live = Live()
    worker = live.worker()
    live.settle(worker)
    live.write(0, 600)
    worker._consumer.most = 20  # type: ignore[attr-defined]
    learned_meanwhile = 0
    for turn in range(60):
        live.turn(worker, is_slow=turn % 4 != 3)
        learned_meanwhile += bool(worker._under_way) and worker._uncommitted > 0
        if turn % 12 == 8:
            live.log.fail_at = [call] if call else []
        if turn % 12 == 9 and change == "rebalance":
            live.log.rebalance()
            Timer(0.05, live.log.gate.set).start()  # the worker waits for its transaction
        elif turn % 12 == 9 and change == "kill":
            live.kill(worker)
            worker = live.worker()
            worker._consumer.most = 20  # type: ignore[attr-defined]
    live.log.fail_at = []
    live.settle(worker, most=20)
    assert learned_meanwhile > 5
    assert ids(live) == [f"0-{i}" for i in range(600)]
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


@pytest.mark.parametrize("topic", ["events", "labels"])
def test_a_broker_that_goes_away_while_a_task_is_restored_leaves_nothing_half_restored(
    topic: str,
) -> None:
    live = Live()
    worker = live.worker()
    live.write(0, 300)
    worker._consumer.most = 25  # type: ignore[attr-defined]
    while len(ids(live)) < 150:  # then there is something to be read again after the checkpoint
        live.turn(worker)
    live.kill(worker)
    live.write(300, 100)
    live.log.fail_at = [f"reader of {topic}"]
    worker = live.worker()
    live.settle(worker, most=25)
    assert not live.log.fail_at
    assert ids(live) == [f"0-{i}" for i in range(400)]
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


def test_two_workers_share_the_partitions_and_hand_them_over() -> None:
    live = Live(n_partitions=4)
    first = live.worker("0")
    for number in range(4):
        live.write(0, 100, number)
    live.settle(first)
    second = live.worker("1")
    for number in range(4):
        live.write(100, 100, number)
    live.settle(first)
    live.settle(second)
    assert sorted(first.holdings.tasks) == [0, 2]
    assert sorted(second.holdings.tasks) == [1, 3]
    live.kill(first)
    for number in range(4):
        live.write(200, 50, number)
    live.settle(second)
    for number in range(4):
        assert ids(live, number) == [f"{number}-{i}" for i in range(250)]
        state = second.holdings.tasks[number].task.state()
        assert state.digest() == replayed(live, number).state().digest()


def test_a_task_whose_partition_comes_back_untouched_goes_on_as_it_is() -> None:
    live = Live()
    worker = live.worker()
    live.write(0, 100)
    live.settle(worker)
    task = worker.holdings.tasks[0]
    live.log.rebalance()
    live.write(100, 100)
    live.settle(worker)
    assert worker.holdings.tasks[0] is task
    assert ids(live) == [f"0-{i}" for i in range(200)]


def test_a_task_is_not_kept_if_somebody_else_committed_in_between() -> None:
    live = Live()
    sleeper = live.worker("0")
    live.write(0, 100)
    live.settle(sleeper)
    kept = sleeper.holdings.tasks[0]
    consumer = sleeper._consumer
    assert isinstance(consumer, MemoryConsumer)
    live.log.members.remove(consumer)  # it sleeps, and is thrown out
    other = live.worker("1")
    live.write(100, 50)
    live.settle(other)
    live.kill(other)
    live.log.members.append(consumer)
    live.log.rebalance()
    live.write(150, 50)
    live.settle(sleeper)
    assert sleeper.holdings.tasks[0] is not kept
    assert ids(live) == [f"0-{i}" for i in range(200)]
    state = sleeper.holdings.tasks[0].task.state()
    assert state.digest() == replayed(live).state().digest()


def test_records_polled_while_the_membership_changed_are_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = Live(checkpoint__every_s="1000")
    worker = live.worker()
    live.write(0, 100, labels_too=False)
    live.settle(worker)
    monkeypatch.setattr("streamadapt.arrival_order.IDLE_S", 1000.0)
    live.log.write("labels", 0, labels(0, 40), 500)
    live.turn(worker)  # labels that wait for their turn
    live.log.write("labels", 0, labels(40, 40), 500)
    live.log.generation += 1  # thrown out and back, and the client does not say so
    live.turn(worker)
    monkeypatch.setattr("streamadapt.arrival_order.IDLE_S", IDLE_S)
    live.write(100, 10)
    live.settle(worker)
    order = Tag.read(live.log.committed[Partition("events", 0)].tag).since("@e=0,l=0,c=0")
    assert sum(n for kind, n in order if kind == "l") == 90
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


def test_checkpoints_that_fail_leave_nothing_in_the_tag() -> None:
    live = Live()

    class Full(MemoryStore):
        def put(self, name: str, blob: bytes) -> None:
            raise StoreAwayError("full")

    live.connect = lambda: Full(live.blobs)
    worker = live.worker()
    worker._stores._retry_s = 0.0
    for first in range(0, 400, 10):
        live.write(first, 10, labels_too=False)
        live.settle(worker)
        for plan in worker._saving._plans.values():
            plan.not_before_s = 0.0
    assert live.notes.counts["checkpoints_failed"] > 5
    assert len(worker.holdings.tasks[0].tag.entries) <= 2


def test_the_slot_is_taken_before_offsets_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live()
    asked: list[bool] = []
    before = MemoryConsumer.committed

    def committed(self: MemoryConsumer, *args: object) -> object:
        asked.append("demo-0" in live.log.holder)
        return before(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryConsumer, "committed", committed)
    worker = live.worker()
    live.write(0, 10)
    live.settle(worker)
    assert asked
    assert all(asked)


def test_commands_act_on_all_records_after_them_and_are_replayed_from_there() -> None:
    live = Live()
    worker = live.worker()
    commands = [
        '{"command": "pause", "learner": "tree"}',
        '{"command": "promote", "learner": "logistic"}',
        '{"command": "resume"}',
        '{"command": "reset", "learner": "tree"}',
    ]
    for i, command in enumerate(commands):
        live.write(i * 100, 100)
        live.settle(worker)
        live.log.write("control", 0, [command.encode()], 1000 * i)
        live.settle(worker)
    live.write(400, 100)
    live.settle(worker)
    said = live.predictions()
    assert {p["learner"] for p in said[:200]} == {"tree"}
    assert {p["learner"] for p in said[200:]} == {"logistic"}
    assert worker.holdings.tasks[0].task.lanes[0].version == 1
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


@pytest.mark.parametrize("then", ["", "lcb", "lbc", "bl", "lb", "lcblb"])
def test_a_refused_event_does_not_hide_in_which_order_labels_and_commands_came(then: str) -> None:
    live = Live()
    worker = live.worker()
    live.write(0, 50, labels_too=False)
    live.settle(worker)
    n_labels = 0
    for kind in then + "lcb":
        if kind == "l":
            live.log.write("labels", 0, labels(n_labels, 10), 600)
            n_labels += 10
        elif kind == "c":
            command = b'{"command": "reset", "learner": "logistic"}'
            live.log.write("control", 0, [command], 610)
        else:
            live.log.write("events", 0, [b"bad"], 620)
        live.settle(worker)
    live.write(50, 10)
    live.settle(worker)
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


def test_poison_goes_to_the_dead_letters_with_its_reason_and_offsets_advance() -> None:
    live = Live()
    worker = live.worker()
    live.write(0, 10)
    bad = [b"", None, b"\xff\xfe", b"{", b"[1]", b'{"id": "x", "a": "1"}', b'{"a": 1, "b": 2}']
    live.log.write("events", 0, bad, 200)
    live.log.write("labels", 0, [b"", b'{"id": "0-1"}', b'{"id": "0-2", "label": "maybe"}'], 201)
    live.log.write("control", 0, [b"?", b'{"command": "reset", "learner": "forest"}'], 202)
    live.write(10, 10)
    live.settle(worker)
    reasons = [(letter["stream"], letter["reason"]) for letter in live.dead_letters()]
    assert sorted(reasons) == sorted(
        [("events", r) for r in ("empty", "tombstone", "not_utf8", "malformed", "wrong_type",
                                 "wrong_type", "missing_id")]
        + [("labels", r) for r in ("empty", "no_label", "unknown_class")]
        + [("control", r) for r in ("malformed", "unknown_learner")]
    )  # fmt: skip
    assert len(ids(live)) == 20
    assert live.log.committed[Partition("events", 0)].offset == 27


def test_a_key_that_would_be_too_large_for_a_prediction_is_cut() -> None:
    live = Live()
    worker = live.worker()
    live.write(0, 3)
    log = live.log.logs[Partition("events", 0)]
    log[0].key, log[1].key = b"k" * 64 * 1024, b"l" * 1_000_000
    live.settle(worker)
    keys = [record.key for record in live.log.logs[Partition("output", 0)]]
    assert keys == [b"k" * 64 * 1024, b"l" * 64 * 1024, None]


def test_what_a_dead_letter_quotes_of_a_command_is_bounded() -> None:
    live = Live()
    worker = live.worker()
    live.log.write("control", 0, [b'{"command": "reset", "learner": "%s"}' % (b"z" * 1_000_000)], 0)
    live.settle(worker)
    (letter,) = live.log.values("dead")
    assert letter is not None
    assert b"unknown_learner" in letter
    assert len(letter) < 100_000


def test_while_the_store_is_away_the_worker_goes_on_and_a_new_assignment_waits() -> None:
    live = Live()
    is_away = [False]

    class Leaving(MemoryStore):
        def put(self, name: str, blob: bytes) -> None:
            self._check()
            super().put(name, blob)

        def get(self, name: str) -> bytes | None:
            self._check()
            return super().get(name)

        def names(self, prefix: str = "") -> list[str]:
            self._check()
            return super().names(prefix)

        def _check(self) -> None:
            if is_away[0]:
                raise StoreAwayError("no answer from the store")

    live.connect = lambda: Leaving(live.blobs)
    worker = live.worker()
    live.write(0, 100)
    live.settle(worker)
    is_away[0] = True
    live.write(100, 100)
    live.settle(worker)
    assert len(ids(live)) == 200
    assert live.notes.named("store_away")
    live.kill(worker)
    live.write(200, 100)
    second = live.worker()
    for _ in range(20):
        live.turn(second)
    assert not second.holdings.tasks
    assert second.holdings.waiting == [0]
    assert live.notes.gauges["ready"] == 0
    is_away[0] = False
    second._stores._retry_s = 0.0
    live.settle(second)
    assert ids(live) == [f"0-{i}" for i in range(300)]
    assert second.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


def test_a_wiped_store_is_noticed_and_written_again() -> None:
    live = Live(checkpoint__every_s="1000")
    worker = live.worker()
    worker._saving._every = live.config.checkpoint.model_copy(update={"every_events": 50})
    live.write(0, 100)
    live.settle(worker)
    assert live.blobs
    live.blobs.clear()
    worker._saving._looked_s = 0.0
    live.settle(worker)
    worker._saving._looked_s = 0.0
    live.settle(worker)
    assert live.notes.named("checkpoints_vanished")
    newest = Tag.read(live.log.committed[Partition("events", 0)].tag).names[0]
    assert any(newest.split(":")[1] in key for key in live.blobs)


def test_a_store_that_is_wiped_under_an_idle_worker_is_noticed_after_a_restart_too() -> None:
    live = Live()
    _after_100(live)
    worker = live.worker()
    live.settle(worker)
    live.blobs.clear()
    for _ in range(3):
        worker._saving._looked_s = 0.0
        live.settle(worker)
    live.kill(worker)
    live.settle(live.worker())
    assert live.notes.named("restored")[-1]["offsets"] == {"e": 100, "l": 100, "c": 0}


def test_what_was_read_again_is_in_a_checkpoint_though_nothing_more_comes() -> None:
    live = Live()
    worker = live.worker()
    live.write(0, 50)
    live.settle(worker)
    worker._saving._is_due = lambda *_: False  # type: ignore[method-assign]
    live.write(50, 50)
    live.settle(worker)
    live.kill(worker)
    worker = live.worker()
    live.settle(worker)
    assert live.notes.named("restored")[-1]["replayed"] == 100
    live.kill(worker)
    for topic in ("events", "labels"):
        live.log.starts[Partition(topic, 0)] = 100  # retention
    live.settle(live.worker())
    assert live.notes.named("restored")[-1]["replayed"] == 0


def test_a_rebuilt_task_that_is_handed_back_before_its_first_checkpoint_still_gets_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = Live(kafka__on_lost_state="rebuild")
    _after_100(live)
    live.log.committed.clear()
    worker = live.worker()
    while not worker.holdings.tasks:
        live.turn(worker)
    live.log.rebalance()
    with monkeypatch.context() as broken:
        broken.setattr(worker._consumer, "committed", _no_broker)
        live.turn(worker)  # no task is held in this turn
    live.write(100, 50)
    live.settle(worker)
    assert live.log.committed[Partition("events", 0)].offset == 150


def _no_broker(*_: object, **__: object) -> None:
    raise BrokerError("away")


def _after_100(live: Live) -> None:
    worker = live.worker()
    for first in range(0, 100, 25):
        live.write(first, 25)
        live.settle(worker)
    live.kill(worker)


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before() -> None:
    live = Live()
    _after_100(live)
    newest = max(live.blobs)
    live.blobs[newest] = live.blobs[newest][:-20] + b"x" * 20
    worker = live.worker()
    live.write(100, 50)
    live.settle(worker)
    assert live.notes.named("restored")[-1]["replayed"]
    assert ids(live) == [f"0-{i}" for i in range(150)]
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


def _without_checkpoints(live: Live) -> None:
    live.blobs.clear()


def _without_tag(live: Live) -> None:
    events = Partition("events", 0)
    live.log.committed[events] = live.log.committed[events]._replace(tag="")


def _without_commit(live: Live) -> None:
    live.log.committed.clear()


def _retention(live: Live) -> None:
    live.log.starts[Partition("events", 0)] = 101
    live.write(100, 10)


def _topic_made_anew(live: Live) -> None:
    live.log.logs[Partition("events", 0)] = live.log.logs[Partition("events", 0)][:10]


LOSSES = {
    "the store holds none of the checkpoints": _without_checkpoints,
    "without a tag": _without_tag,
    "no offset is committed, but the store holds checkpoints": _without_commit,
    "retention passed the committed offset: records 100 to 100 are gone": _retention,
    "the log ends at 10, before the committed offset 100": _topic_made_anew,
}


# Of 100 events before the loss and 50 after it (10 more where retention passed): how many labels
# were learned, and how many events were predicted after the loss; by rebuilding, by resetting.
LEARNED_AND_PREDICTED = dict(
    zip(
        LOSSES,
        [
            ((150, 50), (50, 50)),
            ((150, 50), (50, 50)),
            ((150, 150), (150, 150)),  # nothing says where it stood: all is predicted again
            ((59, 59), (59, 59)),  # the log holds none of the first 100
            ((60, 50), (50, 50)),  # the log holds ten of them
        ],
        strict=True,
    )
)


@pytest.mark.parametrize("problem", LOSSES)
def test_lost_state_is_refused_with_the_choices_spelled_out(problem: str) -> None:
    live = Live()
    _after_100(live)
    LOSSES[problem](live)
    worker = live.worker()
    with pytest.raises(LostStateError, match=problem) as raised:
        live.settle(worker)
    for choice in ("--on-lost-state rebuild", "--on-lost-state reset", "bring the checkpoint back"):
        assert choice in str(raised.value)


@pytest.mark.parametrize("policy", ["rebuild", "reset"])
@pytest.mark.parametrize("problem", LOSSES)
def test_lost_state_is_handled_as_decided_beforehand(problem: str, policy: str) -> None:
    live = Live(kafka__on_lost_state=policy)
    _after_100(live)
    before = len(ids(live))
    LOSSES[problem](live)
    worker = live.worker()
    live.settle(worker)
    live.write(200, 50)
    live.settle(worker)
    assert [f"0-{i}" for i in range(200, 250)] == ids(live)[-50:]
    lost = live.notes.named("state_lost")
    assert [fields["policy"] for fields in lost] == [policy]
    learned = worker.holdings.tasks[0].task.counts["labelled"]
    again = len(ids(live)) - before
    assert (learned, again) == LEARNED_AND_PREDICTED[problem][policy == "reset"]


@pytest.mark.parametrize("policy", ["rebuild", "reset"])
def test_a_group_whose_offsets_expired_begins_where_the_pipeline_says(policy: str) -> None:
    live = Live(
        _LABELLED, kafka__start="latest", kafka__on_lost_state=policy, checkpoint__every_s="0.001"
    )
    worker = live.worker()
    live.settle(worker)
    live.log.write("events", 0, _labelled_events(0, 100), 0)
    live.settle(worker)
    live.kill(worker)
    _without_commit(live)
    worker = live.worker()
    live.settle(worker)
    live.kill(worker)
    live.log.write("events", 0, _labelled_events(100, 20), 0)  # while nobody works
    worker = live.worker()
    live.settle(worker)
    assert ids(live) == [f"0-{i}" for i in range(120)]  # what was published is not again
    learned = worker.holdings.tasks[0].task.counts["labelled"]
    assert learned == {"rebuild": 120, "reset": 20}[policy]


def test_other_partitions_go_on_while_one_is_refused() -> None:
    live = Live(n_partitions=2)
    worker = live.worker()
    for first in range(0, 40, 10):
        for number in (0, 1):
            live.write(first, 10, number)
        live.settle(worker)
    live.kill(worker)
    for key in [key for key in live.blobs if key.startswith("demo.1/")]:
        del live.blobs[key]
    second = live.worker()
    for number in (0, 1):
        live.write(40, 50, number)
    live.settle(second)
    assert ids(live, 0) == [f"0-{i}" for i in range(90)]
    assert len(ids(live, 1)) == 40
    assert list(second.holdings.refused) == [1]
    assert live.notes.gauges["ready"] == 0


def test_a_changed_component_stops_the_start_unless_it_is_reset() -> None:
    live = Live()
    _after_100(live)
    changed = Live(learners__tree__grace_period="70")
    live.config = changed.config
    with pytest.raises(IncompatibleStateError, match="otherwise than its state: tree"):
        live.settle(live.worker())
    live.log.members.clear()
    worker = live.worker(reset=frozenset({"tree"}))
    live.write(100, 20)
    live.settle(worker)
    assert ids(live) == [f"0-{i}" for i in range(120)]


def test_on_a_stop_all_is_committed_and_the_next_start_replays_nothing() -> None:
    live = Live(checkpoint__every_s="1000")
    worker = live.worker()
    live.write(0, 100)
    live.settle(worker)
    worker.stop()
    worker.run()
    second = live.worker()
    live.write(100, 10)
    live.settle(second)
    assert live.notes.named("restored")[-1]["replayed"] == 0
    assert ids(live) == [f"0-{i}" for i in range(110)]


def test_no_labels_are_taken_where_the_tag_has_no_room_and_none_is_lost() -> None:
    live = Live(checkpoint__every_s="1000")
    worker = live.worker()
    live.settle(worker)
    worker._stores._store = None
    worker._stores._connect = _away
    for first in range(1200):
        live.write(first, 1, labels_too=False)
        live.log.write("labels", 0, labels(first, 1), 10 * first - 5)
        live.turn(worker)
        if worker._held_back:
            break
    tag = live.log.committed[Partition("events", 0)].tag
    assert 0.8 * 3500 < len(tag) <= 3500
    live.write(first + 1, 200, labels_too=False)
    for _ in range(20):
        live.turn(worker)
    assert len(ids(live)) == first + 201
    assert len(live.log.committed[Partition("events", 0)].tag) <= 3500
    worker._stores._connect = live.connect
    worker._stores._retry_s = 0.0
    for _ in range(1000):
        live.turn(worker)
        if not worker._held_back:
            break
    live.settle(worker)
    assert live.log.committed[Partition("labels", 0)].offset == first + 1
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


def _away() -> MemoryStore:
    raise StoreAwayError("no answer from the store")


def test_what_was_committed_is_reported_though_something_else_failed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = Live()
    worker = live.worker()
    live.settle(worker)
    live.write(0, 20, labels_too=False)
    while not worker._under_way:
        live.turn(worker, is_slow=True)
    Timer(0.05, live.log.gate.set).start()
    with monkeypatch.context() as broken:
        broken.setattr(worker.holdings, "step", _no_broker)
        worker._turn()
    live.settle(worker)
    assert live.notes.named("recovering")
    assert live.notes.counts["records_committed"] == len(ids(live)) == 20


def test_a_poll_waits_while_a_transaction_takes_longer_than_its_interval() -> None:
    live = Live()
    worker = live.worker()
    live.settle(worker)
    live.write(0, 20)
    worker._consumer.most = 10  # type: ignore[attr-defined]
    while not (worker._under_way and worker._uncommitted):
        live.turn(worker, is_slow=True)
    assert worker._wait_s() > 0.0
    live.log.gate.set()
    worker._transactions._wait()
    assert worker._wait_s() == 0.0


def test_what_cannot_be_closed_hides_no_other_error_and_keeps_no_group() -> None:
    live = Live()
    worker = live.worker()
    live.settle(worker)
    worker._transactions._publisher.close = _no_broker  # type: ignore[union-attr, method-assign]
    worker.stop()
    worker.run()
    assert live.notes.named("not_closed") == [{"what": "producer", "problem": "away"}]
    assert live.log.members == []


def test_transactions_that_never_succeed_end_the_worker() -> None:
    live = Live()
    worker = live.worker()
    live.write(0, 10)
    live.log.fail_at = ["commit"] * 1000
    worker._pause = lambda seconds: None
    with pytest.raises(BrokerError):
        worker.run()


def test_a_backlog_is_learned_from_as_it_would_have_been_at_its_time() -> None:
    live = Live(checkpoint__every_s="1000")
    for i in range(4000):
        live.log.write("events", 0, events(i, 1), 10 * i)
        live.log.write("labels", 0, labels(i, 1), 10 * i + 25)
    worker = live.worker()
    live.settle(worker)
    said = live.predictions()
    assert len(said) == 4000
    first_learned = next(i for i, p in enumerate(said) if p["outputs"]["logistic"] != [0.5, 0.5])
    assert first_learned < 600
    assert worker.holdings.tasks[0].task.state().digest() == replayed(live).state().digest()


def test_however_records_are_cut_into_polls_the_same_is_said(  # law 2, through the live input
) -> None:
    live = Live()
    live.write(0, 120)
    live.log.write("control", 0, [b'{"command": "pause"}', b'{"command": "resume"}'], 0)
    said = []
    for size in (7, 120):
        task = LiveTask(live.config, {}, 0, dict.fromkeys(INPUTS, 0))
        for kind, n in (("e", 50), ("c", 1), ("l", 30), ("e", 70), ("c", 1), ("l", 90)):
            reader = live.log.reader(Partition(INPUTS[kind], 0), task.offsets[kind])
            while n:
                batch = reader.poll(0, min(n, size))
                task.take([Piece(kind, batch)])
                n -= len(batch)
        values = [v for out in task.said.outgoing for v in out.values if out.topic == "output"]
        headers = [h for out in task.said.outgoing for h in out.headers if out.topic == "output"]
        said.append((values, headers, task.task.state().digest(), task.tag.text(ordered=True)))
    assert said[0] == said[1]
    assert LiveInput(live.config) is not None


@pytest.mark.parametrize("n_saved", [0, 100])
def test_an_input_that_is_new_costs_no_record_that_was_taken_before_it(n_saved: int) -> None:
    live = Live(_LABELLED, checkpoint__every_s="0.001" if n_saved else "1000")
    live.log.write("events", 0, _labelled_events(0, n_saved), 0)
    worker = live.worker()
    live.settle(worker)
    for plan in worker._saving._plans.values():
        plan.due_s = math.inf
    live.log.write("events", 0, _labelled_events(n_saved, 200), 1000)
    live.settle(worker)
    live.kill(worker)  # what came after the last checkpoint is read again
    live.config = config(_LABELLED, kafka__control="control", checkpoint__every_s="1000")
    for _ in range(2):
        worker = live.worker()
        live.settle(worker)
        live.kill(worker)
    live.log.write("events", 0, _labelled_events(n_saved + 200, 50), 3000)
    worker = live.worker()
    live.settle(worker)
    live.log.write("control", 0, [b'{"command": "pause", "learner": "logistic"}'], 4000)
    live.settle(worker)
    alone = LiveTask(live.config, {}, 0, {"e": 0, "c": 0})
    for kind, topic in (("e", "events"), ("c", "control")):
        whole = live.log.reader(Partition(topic, 0), 0).poll(0, 1000)
        alone.take([Piece(kind, whole)])
    assert worker.holdings.tasks[0].task.state().digest() == alone.task.state().digest()
    assert live.notes.named("restored")[-3]["replayed"] == 200
    assert len(ids(live)) == n_saved + 250


def test_a_worker_that_dies_soon_after_an_input_was_new_loses_no_state() -> None:
    live = Live(_LABELLED, checkpoint__every_s="0.001")
    live.log.write("events", 0, _labelled_events(0, 50), 0)
    worker = live.worker()
    live.settle(worker)
    live.kill(worker)
    live.config = config(_LABELLED, kafka__control="control", checkpoint__every_s="1000")
    live.log.write("control", 0, [b'{"command": "pause", "learner": "logistic"}'], 1000)
    live.log.write("events", 0, _labelled_events(50, 20), 1000)
    for _ in range(2):
        worker = live.worker()
        live.settle(worker)
        live.kill(worker)
    assert live.log.committed[Partition("control", 0)].offset == 1
    assert worker.holdings.tasks[0].task.counts["events"] == 70
    assert ids(live) == [f"0-{i}" for i in range(70)]


def test_a_pipeline_that_no_longer_names_an_input_of_its_state_is_refused_in_words() -> None:
    live = Live(_LABELLED, kafka__control="control")
    live.log.write("events", 0, _labelled_events(0, 50), 0)
    worker = live.worker()
    live.settle(worker)
    live.kill(worker)
    live.config = config(_LABELLED)
    with pytest.raises(IncompatibleStateError, match=r"name kafka\.control again"):
        live.settle(live.worker())


def test_records_of_which_no_order_tells_are_not_left_out_in_silence() -> None:
    live = Live()
    live.write(0, 20)
    readers = {k: live.log.reader(Partition(t, 0), 0) for k, t in INPUTS.items()}
    feed = LogFeed(readers, {"e": 20, "l": 20, "c": 0}, [Stretch("e", 20), Stretch("l", 15)])
    assert sum(len(piece.batch) for piece in feed.take(1000) or ()) == 35
    with pytest.raises(MissingStateError, match=r"labels\[0\] from offset 15 to 19"):
        feed.take(1000)
