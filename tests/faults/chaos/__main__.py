"""``python -m tests.faults.chaos --seed 1 --faults 200``: what ``make chaos`` runs."""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from tests.faults.chaos.faults import KINDS, Drawn
from tests.faults.chaos.oracle import Verdict
from tests.faults.chaos.schedule import drawn
from tests.faults.chaos.world import Site, World, site_of_its_own

ROUND = 25
_REST_S = (0.2, 1.5)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--driver", default="kafka-python", choices=["kafka-python", "confluent"])
    parser.add_argument("--brokers", type=int, default=1, choices=[1, 3])
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--only", default="", help="kinds, separated by commas")
    parser.add_argument("--round", type=int, default=ROUND, help="faults between two judgements")
    parser.add_argument("--folder", type=Path, default=Path(".chaos"))
    parser.add_argument("--list", action="store_true", help="print the plan only")
    asked = parser.parse_args()
    only = [name for name in asked.only.split(",") if name]
    unknown = sorted(set(only) - KINDS.keys())
    if unknown:
        parser.error(f"no kind {unknown[0]}; there are {', '.join(KINDS)}")
    plan = drawn(asked.seed, asked.faults, asked.workers, only)
    if asked.list:
        print("\n".join(" + ".join(map(str, group)) for group in plan))
        return 0
    folder = (asked.folder / f"seed-{asked.seed}-{asked.driver}-{asked.brokers}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    command = (
        f"make chaos SEED={asked.seed} FAULTS={asked.faults} DRIVER={asked.driver} "
        f"BROKERS={asked.brokers}" + (f" ONLY={asked.only}" if only else "")
    )
    print(f"{command}\n  everything is kept in {folder}")
    total, tally = Verdict(), Tally()
    began_s = time.monotonic()
    with site_of_its_own(folder, asked.brokers, asked.driver) as site:
        for number, groups in enumerate(_rounds(plan, asked.round)):
            name = f"round{number}"
            seed = 1000 * asked.seed + number
            total.add(_round(site, folder / name, name, seed, groups, asked.workers, tally))
            if not total.is_clean:
                break
    print(tally.table())
    minutes = (time.monotonic() - began_s) / 60
    print(f"{total.n_events} events, {tally.made.total()} faults, {minutes:.1f} minutes")
    if not total.is_clean:
        print("\n".join(total.problems[:40]))
        print(f"logs of all workers and servers: {folder}; to run it again:\n  {command}")
    print(total.line)
    if total.is_clean:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if total.is_clean else 1


class Tally:
    """How many faults of which kind were made, and how many could not be made as drawn."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()

    def table(self) -> str:
        lines = [
            f"{name:26}{self.made[name]:>6}{self.missed[name]:>8}"
            for name in sorted(self.made.keys() | self.missed.keys())
        ]
        return "\n".join([f"{'fault':26}{'made':>6}{'missed':>8}", *lines])


def _rounds(plan: list[list[Drawn]], n: int) -> list[list[list[Drawn]]]:
    rounds: list[list[list[Drawn]]] = [[]]
    for group in plan:
        if sum(map(len, rounds[-1])) >= n:
            rounds.append([])
        rounds[-1].append(group)
    return rounds


def _round(
    site: Site, folder: Path, name: str, seed: int, groups: list[list[Drawn]], workers: int,
    tally: Tally,
) -> Verdict:  # fmt: skip
    world = World(site, folder, name, seed, slots=workers, tell=_print)
    try:
        world.start()
        world.settle()
        for group in groups:
            make_together(world, group, tally)
            time.sleep(world.chance.uniform(*_REST_S))
        verdict = world.finish()
    except TimeoutError as error:
        return Verdict(problems=[f"{name}: {error}"])
    else:
        verdict.problems = [f"{name}: {problem}" for problem in verdict.problems]
        _print(f"{name} {verdict.n_events} events: {verdict.line}")
        return verdict
    finally:
        world.close()


def make_together(world: World, group: list[Drawn], tally: Tally) -> None:
    """Make faults at the same time, each in a thread; raise what one of them raised."""
    raised: list[BaseException] = []

    def make(fault: Drawn) -> None:
        world.tell(f"begin {fault}")
        try:
            missed = KINDS[fault.kind].make(world, fault)
        except BaseException as error:
            raised.append(error)
            return
        (tally.missed if missed else tally.made)[fault.kind] += 1
        world.tell(f"end   {fault}{': ' + missed if missed else ''}")

    threads = [threading.Thread(target=make, args=(fault,)) for fault in group]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
