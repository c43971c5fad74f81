"""F9 and F10: more requests than there are workers for, and a long one among short ones."""

from __future__ import annotations

import asyncio
import itertools
import time

from benchmarks.faults.asking import LONGEST, compare, counter, endless, heavy, small, truth
from benchmarks.faults.finding import Finding, broken, milliseconds
from benchmarks.faults.load import OK, Answer, Client, Request, closed_loop, late, open_loop
from tests.server.processes import Served, service

PATIENT = 2.0  # seconds that a client of F9 waits
GRACE = 0.1  # seconds, on its way back
ROWS = 600  # of the matrices of F9, some 50 ms
TIMES = (1, 2, 5, 10)
EXPECTED = {"200", "overloaded", "deadline-exceeded"}
SMALL_RATE = 50.0  # requests a second
_numbers = itertools.count()


def overload(*, quick: bool) -> Finding:
    """F9: an open loop at 1, 2, 5 and 10 times of what closed loops of eight clients get done."""
    seconds, parts, unexpected = (2.0 if quick else 20.0), list[str](), 0
    with service(log_level="critical") as served:
        _peak(served, 2.0)  # how long such a request takes is known now
        peak, goodputs = _peak(served, seconds), list[float]()
        for factor in TIMES[-1:] if quick else TIMES:
            answers = _flood(served, factor * peak, seconds)
            recovered = _recovery(served)
            done = [a for a in answers if a.status == OK and a.seconds <= PATIENT + GRACE]
            refused = [a for a in answers if a.code == "overloaded"]
            unexpected += sum(a.code not in EXPECTED for a in answers)
            goodputs.append(len(done) / seconds)
            parts.append(
                f"{factor}x: {goodputs[-1]:.1f}/s, p99 {late(done):.2f} s, refused {len(refused)} with p50"
                f" {milliseconds(late(refused, 0.5))} and p99 {milliseconds(late(refused))}, too late"
                f" {sum(a.code == 'deadline-exceeded' for a in answers)}, recovered after {milliseconds(recovered)}"
            )
        waiting = counter(served, "pool_queued")
    best = max(peak, *goodputs)
    parts.insert(0, f"peak {best:.1f}/s, goodput at {TIMES[-1]}x {goodputs[-1] / best:.0%} of it")
    return Finding("; ".join(parts), broken(unexpected_answers=unexpected, still_wait=int(waiting)))


def _peak(served: Served, seconds: float) -> float:
    answers = asyncio.run(closed_loop(served.port, 8, seconds, lambda _: heavy(next(_numbers), ROWS)))
    return sum(answer.status == OK for answer in answers) / seconds


def _flood(served: Served, rate: float, seconds: float) -> list[Answer]:
    def make(_: int) -> Request:
        return heavy(next(_numbers), ROWS, X_Request_Timeout=f"{PATIENT:g}")

    return asyncio.run(open_loop(served.port, rate, seconds, make))


def _recovery(served: Served) -> float:
    """Seconds until a request is answered that allows no more than the time of a few."""

    async def wait() -> float:
        client, since = Client(served.port), time.perf_counter()
        while (await client.ask(heavy(next(_numbers), ROWS, X_Request_Timeout="0.5")))[0] != OK:
            pass
        client.close()
        return time.perf_counter() - since

    return asyncio.run(asyncio.wait_for(wait(), 60))


def beside(*, quick: bool) -> Finding:
    """F10: fifty small requests a second, alone, and beside a client that asks for seconds of work all the time."""
    seconds = 3.0 if quick else 20.0

    powers = LONGEST // 8 if quick else LONGEST

    async def both() -> list[Answer]:
        long = asyncio.create_task(closed_loop(served.port, 1, seconds, lambda number: endless(number, powers)))
        answers = await open_loop(served.port, SMALL_RATE, seconds, small)
        longs.extend(await long)
        return answers

    longs: list[Answer] = []
    with service(log_level="critical", cache_bytes=0) as served:
        right = truth(served, [small(number) for number in range(int(SMALL_RATE * seconds))])
        alone = asyncio.run(open_loop(served.port, SMALL_RATE, seconds, small))
        busy = asyncio.run(both())
    failed, wrong = (sum(pair) for pair in zip(compare(alone, right), compare(busy, right), strict=True))
    figure = (
        f"{len(busy)} small requests: p99 {milliseconds(late(alone))} alone, {milliseconds(late(busy))} beside"
        f" requests of {late(longs, 0.5):.1f} s ({late(busy) / late(alone):.1f} times); median"
        f" {milliseconds(late(alone, 0.5))} and {milliseconds(late(busy, 0.5))}; {failed} failed, {wrong} wrong"
    )
    bad = sum(answer.status != OK for answer in longs)
    return Finding(figure, broken(failed=failed, wrong=wrong, long_ones_failed=bad))
