"""When a file is handed out, against a clock that the test turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.files.paths import is_temporary
from cameras.intake.stability import ReadyFile, StabilityTracker, Stamp

STABLE, INCOMPLETE = 2.0, 30.0


def tracker() -> StabilityTracker:
    return StabilityTracker(stable_seconds=STABLE, incomplete_seconds=INCOMPLETE)


def same(stamp: Stamp):
    return lambda path: stamp


def unasked(path: str) -> Stamp:
    raise AssertionError(f"{path} was looked at")


def test_a_closed_file_is_ready_at_once_without_a_check() -> None:
    files = tracker()
    files.closed("a", 10.0)

    assert files.next_due(10.0) == 0
    assert files.ready(10.0, unasked) == [ReadyFile("a", final=False, just_written=True)]
    assert len(files) == 0
    assert files.next_due(10.0) is None


def test_a_file_that_a_scan_saw_is_ready_when_it_stood_still() -> None:
    files = tracker()
    files.seen("a", 100, 1, 0.0)

    assert files.next_due(0.5) == 1.5
    assert files.ready(1.9, unasked) == []
    assert files.ready(2.0, same((100, 1))) == [ReadyFile("a", final=False)]


def test_a_file_that_grew_unseen_is_not_handed_out() -> None:
    files = tracker()
    files.seen("a", 100, 1, 0.0)

    assert files.ready(2.0, same((200, 2))) == []
    assert files.ready(3.9, unasked) == []
    assert files.ready(4.0, same((200, 2))) == [ReadyFile("a", final=False)]


def test_a_file_that_grows_for_a_minute_is_ready_when_it_is_done() -> None:
    files = tracker()
    for second in range(60):
        files.seen("a", second, 1, float(second))
        assert files.ready(float(second), same((second, 1))) == []

    assert files.ready(60.9, unasked) == []
    assert files.ready(61.0, same((59, 1))) == [ReadyFile("a", final=False)]


def test_an_mtime_far_in_the_future_counts_only_as_a_change() -> None:
    files = tracker()
    files.seen("a", 100, 9_000_000_000_000_000_000, 0.0)

    assert files.ready(2.0, same((100, 9_000_000_000_000_000_000))) == [ReadyFile("a", final=False)]


def test_a_scan_does_not_promote_a_file_that_is_being_written() -> None:
    files = tracker()
    files.writing("a", 0.0)
    files.seen("a", 100, 1, 0.5)
    files.seen("a", 100, 1, 20.0)

    assert files.ready(29.9, same((100, 1))) == []
    assert files.ready(30.0, same((100, 1))) == [ReadyFile("a", final=True)]


def test_a_writer_that_closes_ends_the_wait() -> None:
    files = tracker()
    files.writing("a", 0.0)
    files.closed("a", 0.5)

    assert files.ready(0.5, unasked) == [ReadyFile("a", final=False, just_written=True)]


def test_a_file_that_is_opened_again_before_it_was_handed_out_waits() -> None:
    files = tracker()
    files.closed("a", 0.0)
    files.writing("a", 0.0)

    assert files.ready(0.0, unasked) == []


def test_after_dropped_events_an_open_file_is_ready_when_it_stood_still() -> None:
    files = tracker()
    files.writing("done", 0.0)
    files.writing("open", 0.0)
    files.events_dropped(1.0)
    files.seen("done", 200, 2, 2.0)
    files.seen("open", 100, 1, 2.0)
    files.writing("open", 3.0)

    assert files.ready(3.9, unasked) == []
    assert files.ready(4.0, same((200, 2))) == [ReadyFile("done", final=False)]
    assert files.ready(5.0, same((100, 1))) == []
    assert files.ready(32.9, unasked) == []


def test_a_writer_that_stopped_is_checked_twice_before_the_file_is_final() -> None:
    files = tracker()
    files.writing("a", 0.0)

    assert files.ready(100.0, same((100, 1))) == []
    assert files.ready(102.0, same((100, 1))) == [ReadyFile("a", final=True)]


def test_a_cut_file_is_final_when_nothing_came_for_long() -> None:
    files = tracker()
    files.incomplete("a", 100, 1, 0.0)
    files.seen("a", 100, 1, 15.0)

    assert files.ready(29.9, unasked) == []
    assert files.ready(30.0, same((100, 1))) == [ReadyFile("a", final=True)]


def test_a_truncated_file_that_grows_is_treated_as_a_new_one() -> None:
    files = tracker()
    files.incomplete("a", 100, 1, 0.0)
    files.seen("a", 150, 2, 10.0)

    assert files.ready(11.9, unasked) == []
    assert files.ready(12.0, same((150, 2))) == [ReadyFile("a", final=False)]


def test_a_cut_file_that_is_closed_again_is_tried_at_once() -> None:
    files = tracker()
    files.incomplete("a", 100, 1, 0.0)
    files.closed("a", 1.0)

    assert files.ready(1.0, unasked) == [ReadyFile("a", final=False, just_written=True)]


def test_a_close_that_came_while_intake_read_is_not_forgotten() -> None:
    files = tracker()
    files.closed("a", 0.0)
    files.ready(0.0, unasked)
    files.closed("a", 0.1)
    files.incomplete("a", 100, 1, 0.2)

    assert files.ready(0.2, unasked) == [ReadyFile("a", final=False, just_written=True)]


def test_a_failure_that_is_not_the_file_s_is_retried_after_the_delay() -> None:
    files = tracker()
    files.retry_later("a", 0.0, 5.0)
    files.seen("a", 100, 1, 0.1)

    assert files.ready(4.9, unasked) == []
    assert files.ready(5.0, unasked) == [ReadyFile("a", final=False)]


def test_a_file_that_is_gone_is_forgotten() -> None:
    files = tracker()
    files.seen("a", 100, 1, 0.0)
    files.closed("b", 0.0)
    files.forget("b")

    assert files.ready(2.0, lambda path: None) == []
    assert len(files) == 0


def test_what_was_just_closed_comes_before_a_backlog() -> None:
    files = tracker()
    for number in range(50):
        files.seen(f"old{number}", 1, 1, 0.0)
    files.closed("new", 5.0)

    ready = files.ready(5.0, same((1, 1)), limit=10)

    assert [one.path for one in ready] == ["new", *(f"old{n}" for n in range(9))]
    assert len(files) == 41


def test_memory_stays_within_the_files_that_are_pending() -> None:
    files = tracker()
    for number in range(100_000):
        files.writing("busy", number / 1000)
        files.seen(f"gone{number}", 1, 1, number / 1000)
        files.forget(f"gone{number}")

    assert len(files) == 1
    assert len(files._heap) < 3000


def test_fifty_thousand_pending_files_come_out_once_each() -> None:
    files = tracker()
    for number in range(50_000):
        files.seen(str(number), 1, 1, number / 50_000)
    out: list[str] = []
    while batch := files.ready(10.0, same((1, 1)), limit=500):
        out += [one.path for one in batch]

    assert len(out) == len(set(out)) == 50_000


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "scan", "notify", "close", "cut", "retry"]),
        st.sampled_from(["a", "b", "c"]),
        st.floats(0, 5),
    ),
    max_size=60,
)


class Folder:
    """The model: files that change, and what the tracker may say of them."""

    def __init__(self) -> None:
        self.files = tracker()
        self.now = 0.0
        self.size = dict.fromkeys("abc", 0)
        self.changed = dict.fromkeys("abc", 0.0)
        self.expected: set[str] = set()  # ready without standing still: closed, or to be tried again
        self.taken: set[str] = set()

    def take(self) -> None:
        for ready in self.files.ready(self.now, lambda path: (self.size[path], 0)):
            if ready.path not in self.expected:
                window = INCOMPLETE if ready.final else STABLE
                assert self.now - self.changed[ready.path] >= window - 1e-6
            self.expected.discard(ready.path)
            self.taken.add(ready.path)

    def act(self, action: str, path: str) -> None:
        if action in {"write", "notify"}:
            self.size[path], self.changed[path] = self.size[path] + 1, self.now
        match action:
            case "notify":
                self.files.writing(path, self.now)
                self.expected.discard(path)
            case "close":
                self.files.closed(path, self.now)
                self.expected.add(path)
            case "cut":
                self.files.incomplete(path, self.size[path], 0, self.now)
            case "retry":
                self.files.retry_later(path, self.now, 1.0)
                self.expected.add(path)
            case _:
                self.files.seen(path, self.size[path], 0, self.now)


@given(ACTIONS)
def test_no_file_is_promoted_while_it_changes_and_none_is_lost(actions: list[tuple[str, str, float]]) -> None:
    folder = Folder()
    for action, path, seconds in actions:
        folder.now += seconds
        folder.take()
        folder.act(action, path)
    for _ in range(10):
        folder.now += INCOMPLETE
        folder.take()

    assert folder.taken == {path for _, path, _ in actions}
    assert len(folder.files) == 0


@given(st.lists(st.tuples(st.sampled_from(["notice", "close", "forget", "take"]), st.integers(0, 5)), max_size=200))
def test_the_wait_until_the_next_file_is_never_too_long(actions: list[tuple[str, int]]) -> None:
    files = tracker()
    due: dict[str, float] = {}
    for now, (action, number) in enumerate(actions):
        path = str(number)
        if action == "notice" and path not in due:
            due[path] = now + STABLE
            files.seen(path, 1, 1, float(now))
        elif action == "close":
            due[path] = now
            files.closed(path, float(now))
        elif action == "forget":
            due.pop(path, None)
            files.forget(path)
        elif action == "take":
            out = {one.path for one in files.ready(float(now), same((1, 1)))}
            assert out == {path for path, at in due.items() if at <= now}
            due = {path: at for path, at in due.items() if path not in out}
        assert files.next_due(float(now)) == (max(0.0, min(due.values()) - now) if due else None)


@pytest.mark.parametrize(
    "name", ["a.tmp", "a.PART", "a.filepart", "14.30.52-[M].dav_", "x.mp4_", "x.idx", ".in.a.jpg.", "c/.hidden/.a.jpg"]
)
def test_temporary_names_are_recognised(name: str) -> None:
    assert is_temporary(name)


@pytest.mark.parametrize("name", ["a.jpg", "a.tmp.jpg", "cam.part/a.jpg", "tmp", "-a.mp4"])
def test_ordinary_names_are_not_temporary(name: str) -> None:
    assert not is_temporary(name)


def test_a_file_is_marked_as_placed_until_it_is_written_to() -> None:
    files = tracker()
    files.closed("a", 0.0, placed=True)
    files.closed("b", 0.0, placed=True)
    files.closed("b", 0.1)

    assert {one.path: one.placed for one in files.ready(0.1, unasked)} == {"a": True, "b": False}


def test_a_file_that_only_a_scan_saw_is_expected_after_a_later_event() -> None:
    files = tracker()
    files.seen("a", 1, 1, 0.0, expected=False)
    files.seen("b", 1, 1, 0.0, expected=False)
    files.seen("b", 1, 1, 1.0)

    assert {one.path: one.expected for one in files.ready(2.0, same((1, 1)))} == {"a": False, "b": True}


def test_a_file_that_could_not_be_accepted_is_retried_when_its_mode_changes() -> None:
    files = tracker()
    files.retry_later("a", 0.0, 30.0)
    files.seen("b", 1, 1, 0.0)
    files.retry_now("a", 1.0)
    files.retry_now("b", 1.0)

    assert [one.path for one in files.ready(1.0, unasked)] == ["a"]
