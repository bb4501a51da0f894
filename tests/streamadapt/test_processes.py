"""Tasks in processes of their own: results, failures, deaths."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing

from streamadapt.processes import Failed, Processes


def work(task: str) -> str:
    if task == "raise":
        raise ValueError("no such thing")
    if task == "exit":
        os._exit(7)
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "sleep":
        time.sleep(60)
    return f"{task}:{os.getpid()}"


def test_one_that_dies_or_fails_takes_only_its_own_task_with_it() -> None:
    tasks = ["a", "raise", "b", "kill", "c", "exit", "d"]
    with closing(Processes(work, 2)) as processes:
        found = dict(processes.run(tasks))
    assert sorted(found) == list(range(7))
    assert found[1] == Failed("ValueError: no such thing")
    assert found[5] == Failed("the process ended with exit code 7")
    killed = found[3]
    assert isinstance(killed, Failed)
    assert killed.reason.startswith("the process was ended by SIGKILL")
    assert [str(found[i]).split(":")[0] for i in (0, 2, 4, 6)] == ["a", "b", "c", "d"]


def test_processes_are_kept_and_no_more_than_allowed() -> None:
    with closing(Processes(work, 2)) as processes:
        first = {str(answer) for _, answer in processes.run(list("abcd"))}
        second = {str(answer) for _, answer in processes.run(list("abcd"), at_once=1)}
    pids = {text.split(":")[1] for text in first | second}
    assert len(pids) <= 2
    assert str(os.getpid()) not in pids


def test_a_stop_ends_without_what_is_under_way() -> None:
    with closing(Processes(work, 1)) as processes:
        found = []
        start = time.monotonic()
        for place, _ in processes.run(["a", "sleep", "b"]):
            found.append(place)
            processes.stop()
        assert time.monotonic() - start < 50
    assert found == [0]
