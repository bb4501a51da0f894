"""Topic to topic through a real broker: events/s, latency, checkpoints, crashes, many partitions.

    python benchmarks/end_to_end.py [--cases speed,...] [--passes 3] [--bootstrap HOST:PORT]

JSON records of 186 bytes with Electricity's rows go in; predictions, with their headers, come out,
in transactions every 100 ms that also commit the offsets.  Ours is ``streamadapt run`` as a
process, with one Hoeffding tree and checkpoints into SQLite.  Its peers are processes of their own
on the same records (``end_to_end_loops.py``, ``end_to_end_quix.py``):

``bare``        the same client with the same settings, which reads and drops, and writes the bytes
                of a prediction with its headers: the client's own limit
``River``       the usual loop: ``json.loads``, predict, learn, ``json.dumps``; tree, and ARF-10
``Quix``        Quix Streams, exactly-once, with River's tree; found where QUIXSTREAMS_PATH says
                (``pip install --target FOLDER quixstreams``), else left out

All systems of a case take turns.  The rate is that of committed offsets, from a fifth of the
records to the end; CPU time is that of the whole process over the same stretch.  Without
``--bootstrap`` a broker is started (full JIT) and stopped.

Prints tables and writes ``benchmarks/results/end_to_end.json``, where cases that did not run keep
what they had.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench import HERE, Row, versions, write_results
from end_to_end_bench import Bench
from end_to_end_cases import checkpoints, confluent, partitions, speed, workers
from end_to_end_crash import crash
from end_to_end_latency import latency
from end_to_end_topics import Topics

from streamadapt.ops.services.kafka_cluster import KafkaCluster

CASES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "speed": speed,
    "confluent": confluent,
    "latency": latency,
    "checkpoints": checkpoints,
    "crash": crash,
    "workers": workers,
    "partitions": partitions,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of live workers, end to end.")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--cases", default=",".join(CASES), help="of " + ", ".join(CASES))
    parser.add_argument("--bootstrap", help="a broker that runs already")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamadapt-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        bootstrap = options.bootstrap
        if bootstrap is None:
            cluster = KafkaCluster(folder / "kafka", full_jit=True, heap_mb=1024)
            stack.callback(cluster.stop)
            cluster.start()
            bootstrap = cluster.bootstrap
        bench = Bench(Topics(bootstrap), folder, options.records, options.passes)
        rows = [each for name in options.cases.split(",") for each in CASES[name](bench)]
    write_results("end_to_end", versions("kafka-python", "confluent-kafka"), _with_others(rows))


def _with_others(rows: list[Row]) -> list[Row]:
    """Add what earlier runs found in other cases."""
    path = HERE / "results" / "end_to_end.json"
    earlier = json.loads(path.read_text())["rows"] if path.exists() else []
    measured = {each["case"] for each in rows}
    return [*(each for each in earlier if each["case"] not in measured), *rows]


if __name__ == "__main__":
    main()
