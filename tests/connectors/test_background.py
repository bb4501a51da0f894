"""Work in a thread: in order, bounded, and its errors come back."""

import threading
import time

import pytest

from streamadapt.connectors.background import Background


def fail() -> None:
    raise OSError("no space left")


def test_pieces_are_done_in_order_and_all_of_them_by_the_time_they_are_waited_for() -> None:
    done: list[int] = []

    def slowly(i: int) -> None:
        time.sleep(0.001 * (i % 3))
        done.append(i)

    background = Background(depth=2)
    for i in range(30):
        background.do(lambda i=i: slowly(i))  # type: ignore[misc]
    background.wait()
    assert done == list(range(30))
    background.close()


def test_no_more_pieces_wait_than_allowed() -> None:
    background, gate = Background(depth=2), threading.Event()
    handed: list[int] = []

    def bring() -> None:
        for i in range(5):
            background.do(gate.wait)  # type: ignore[arg-type]
            handed.append(i)

    bringer = threading.Thread(target=bring)
    bringer.start()
    bringer.join(0.2)
    assert handed == [0, 1]
    gate.set()
    bringer.join()
    background.close()
    assert handed == [0, 1, 2, 3, 4]


def test_an_error_comes_back_again_and_again_and_nothing_is_done_after_it() -> None:
    done: list[str] = []
    background = Background(depth=8)
    for piece in (lambda: done.append("before"), fail, lambda: done.append("after")):
        background.do(piece)
    for _ in range(2):
        with pytest.raises(OSError, match="no space left"):
            background.wait()
    with pytest.raises(OSError, match="no space left"):
        background.do(fail)
    background.close()
    assert done == ["before"]


def test_close_does_what_was_handed_in_and_leaves_no_thread() -> None:
    before, done = threading.active_count(), []
    background = Background()
    background.do(lambda: time.sleep(0.02))
    background.do(lambda: done.append(1))
    background.close()
    assert (done, threading.active_count()) == ([1], before)
