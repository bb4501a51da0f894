from __future__ import annotations

import pytest
import redis

from streamadapt.connectors.redis_address import parse_address
from streamadapt.connectors.redis_client import explained
from streamadapt.errors import StoreAwayError, StoreRefusedError

ADDRESS = parse_address("redis://db")


@pytest.mark.parametrize("place", ["", "Command # 1 (HSET key x) of pipeline caused error: "])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("MISCONF Redis is configured to save RDB snapshots", StoreAwayError),
        ("NOREPLICAS Not enough good replicas to write.", StoreAwayError),
        ("CLUSTERDOWN The cluster is down", StoreAwayError),
        ("WRONGTYPE Operation against a key", StoreRefusedError),
    ],
)
def test_what_the_server_says_counts_wherever_in_a_pipeline_it_says_it(
    said: str, place: str, kind: type[Exception]
) -> None:
    error = explained(ADDRESS, redis.ResponseError(place + said))
    assert type(error) is kind
    assert said in str(error)
    assert "HSET" not in str(error)
