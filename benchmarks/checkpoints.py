"""Checkpoints: what a full one and a delta of a bank cost, and Redis beside the same bytes alone.

The bank is a state of 100,000 keys with a row of a kilobyte each, of which 1 % were touched since
the last checkpoint.  ``--redis URL`` names a server whose database may be written to; without it
those rows are left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import redis
from bench import Row, row, versions, write_results

from streamadapt.checkpoint import CheckpointStore, encode
from streamadapt.connectors import MemoryStore, RedisStore
from streamadapt.state import State
from streamadapt.state_delta import apply, delta

MB = 1_000_000
KEYS, COLUMNS = 100_000, 125  # of 8 bytes: 100 MB
TOUCHED = 0.01


def paired(passes: int, **work: Callable[[], object]) -> dict[str, float]:
    """Return median seconds of each, all taken in turns, so that noise falls on all alike."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(passes):
        for name, call in work.items():
            start = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def bank(rows: np.ndarray, seed: int) -> State:
    return State("bank", 1, {"rows": rows, "keys": np.arange(len(rows)), "step": seed})


def touched(rows: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    after = rows.copy()
    some = rng.choice(len(rows), int(TOUCHED * len(rows)), replace=False)
    after[some] += rng.random((len(some), rows.shape[1]))
    return after


def saving(passes: int) -> list[Row]:
    """A full and a delta checkpoint of the bank into memory, and their parts."""
    rows = np.random.default_rng(0).random((KEYS, COLUMNS))
    states = [bank(rows, 0), bank(touched(rows, 1), 1)]
    change = delta(*states)
    blobs = {"full": encode(states[1], {}), "delta": encode(change, {})}

    def save(deltas: int) -> float:
        checkpoints = CheckpointStore(MemoryStore(), "bank", deltas=deltas)
        checkpoints.save(0, states[0], {})
        start = time.perf_counter()
        checkpoints.save(1, states[1], {})
        return time.perf_counter() - start

    saves = {0: [save(0) for _ in range(passes)], 16: [save(16) for _ in range(passes)]}
    took = paired(
        passes,
        **{
            "copy, the floor": lambda: rows.copy(),
            "compare, numpy": lambda: np.array_equal(rows, states[1].values["rows"]),
            "delta": lambda: delta(*states),
            "apply": lambda: apply(states[0], change),
            "checksum": states[1].checksum,
            "digest": states[1].digest,
            "encode full": lambda: encode(states[1], {}),
            "encode delta": lambda: encode(change, {}),
        },
    )
    took["save full"] = statistics.median(saves[0])
    took["save delta"] = statistics.median(saves[16])
    case = "bank of 100 MB, 1 % touched"
    return [
        *(row(case, name, "size", len(blob) / MB, "MB") for name, blob in blobs.items()),
        *(row(case, name, "time", s * 1e3, "ms") for name, s in took.items()),
    ]


def encoding(passes: int) -> list[Row]:
    """A state of 10 MB of weights, none of which compress."""
    state = State("k", 1, {"w": np.random.default_rng(0).random(1_250_000)})
    took = paired(passes, copy=state.values["w"].copy, encode=lambda: encode(state, {}))
    return [row("state of 10 MB", name, "time", s * 1e3, "ms") for name, s in took.items()]


def on_redis(url: str, passes: int) -> list[Row]:
    """Writing and reading blobs, and in the same turns one plain SET and GET of these bytes."""
    found: list[Row] = []
    client = redis.Redis.from_url(url)
    with RedisStore(url, prefix="bench", timeout_s=30.0) as store:
        for n in (1, 10, 100):
            blobs = [os.urandom(n * MB) for _ in range(2)]
            turns = iter(range(10**9))

            def put(blobs: list[bytes] = blobs, turns: object = turns) -> None:
                store.put("bank/a", blobs[next(turns) % 2])  # type: ignore[call-overload]

            def plain(blobs: list[bytes] = blobs) -> None:
                client.set("bench:plain", blobs[0])

            took = paired(
                passes,
                put=put,
                **{
                    "SET, the floor": plain,
                    "get": lambda: store.get("bank/a"),
                    "GET, the floor": lambda: client.get("bench:plain"),
                },
            )
            found += [row(f"Redis, {n} MB", k, "time", s * 1e3, "ms") for k, s in took.items()]
        store.delete(store.names("bank/"))
    client.delete("bench:plain", "bench:identity")
    client.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis", metavar="URL")
    parser.add_argument("--passes", type=int, default=9)
    options = parser.parse_args()
    rows = saving(options.passes) + encoding(options.passes)
    if options.redis:
        rows += on_redis(options.redis, options.passes)
    for found in rows:
        print("{case:30} {system:20} {value:10.2f} {unit}".format(**found))
    write_results("checkpoints", versions("redis", "pyarrow", "xxhash"), rows)


if __name__ == "__main__":
    main()
