"""The Quix Streams peer of ``end_to_end.py``: River's Hoeffding tree in an application.

    python benchmarks/end_to_end_quix.py JSON

Exactly-once, as its documentation has it; otherwise its own defaults, but for the interval of
commits, which is that of all others.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from end_to_end_loops import FEATURES, TARGET, Loop
from quixstreams import Application
from river import tree


def main(loop: Loop) -> None:
    app = Application(
        broker_address=loop.bootstrap,
        consumer_group=loop.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=loop.interval_s,
        auto_create_topics=False,
        loglevel="ERROR",
        producer_extra_config=loop.producer,
    )
    source = app.topic(loop.source, value_deserializer="json", key_deserializer="bytes")
    output = app.topic(loop.output, value_serializer="json", key_serializer="bytes")
    learner = tree.HoeffdingTreeClassifier()

    def predicted(record: dict[str, Any]) -> dict[str, Any]:
        x, y = {name: record[name] for name in FEATURES}, record[TARGET]
        said = learner.predict_proba_one(x)
        learner.learn_one(x, y)
        return {"answer": max(said, key=said.get) if said else None, "outputs": said}

    app.dataframe(source).apply(predicted).to_topic(output)
    app.run()


if __name__ == "__main__":
    main(Loop(**json.loads(sys.argv[1])))
