"""F5, F6, F7 and F12: workers are killed, work takes too long, and clients leave before it is done."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import psutil

from benchmarks.faults.asking import POOL, compare, counter, endless, heavy, small, truth
from benchmarks.faults.finding import Finding, broken, milliseconds
from benchmarks.faults.load import HOST, OK, REFUSED, Answer, Client, Request, late, open_loop
from tests.server.processes import PATIENCE, Served, service

KILL_EVERY = 0.5  # seconds
RATE = 30.0  # requests a second
KILLED_ROWS = 250  # of the matrices of F5: an order that meets two kills is taken for a poison, so it is a short one
BUSY = 0.3  # seconds of a processor, by which a worker is known that has begun with something long
LEAVING = 1000  # clients


def workers(served: Served) -> list[psutil.Process]:
    """The processes that compute, at this moment."""
    for child in psutil.Process(served.process.pid).children():
        if "service.pool.forking" in " ".join(child.cmdline()):
            return [worker for worker in child.children() if worker.status() != psutil.STATUS_ZOMBIE]
    return []


def killed(*, quick: bool) -> Finding:
    """F5: kill -9 of a worker at random every 500 ms."""
    seconds, kills, over = 6.0 if quick else 60.0, 0, threading.Event()
    chance = random.Random(0)  # noqa: S311 - which worker is hit is no secret

    def kill() -> None:
        nonlocal kills
        while not over.wait(KILL_EVERY):
            victims = workers(served)
            if victims:
                chance.choice(victims).kill()
                kills += 1

    def load() -> list[Answer]:
        return asyncio.run(open_loop(served.port, RATE, seconds, lambda number: requests[number % POOL]))

    with service(log_level="critical", cache_bytes=0) as served:
        requests = [heavy(number, KILLED_ROWS) for number in range(POOL)]
        right = truth(served, requests)
        idle = load()[: int(RATE * 5)]
        killer = threading.Thread(target=kill)
        killer.start()
        answers = load()
        over.set()
        killer.join()
        again = counter(served, "pool_ends_total")
    failed, wrong = compare(answers, right)
    figure = (
        f"{seconds:g} s, {kills} kills: {len(answers)} requests, {failed} failed, {wrong} wrong;"
        f" p99 {milliseconds(late(answers))}, {milliseconds(late(idle))} without kills"
    )
    return Finding(figure, broken(failed=failed, wrong=wrong, no_worker_ended=int(not again)))


def poison(*, quick: bool) -> Finding:
    """F6: whatever works on one request is killed, twice; quick or not, it is one request."""
    with service(log_level="critical") as served:
        asked = endless(0 if quick else 1)
        found: list[tuple[int, bytes]] = []
        asking = threading.Thread(target=lambda: found.append(ask(served, asked)))
        asking.start()
        for _ in range(2):
            _kill_the_busy(served)
        asking.join()
        since = time.perf_counter()
        found.append(ask(served, asked))
        refused = time.perf_counter() - since
        others = [ask(served, small(number))[0] for number in range(20)]
    right = sum(status == REFUSED and b"limit-exceeded" in body for status, body in found)
    figure = (
        f"its worker killed twice: {right} of 2 such requests answered 422, the second after {milliseconds(refused)}; "
        f"{others.count(200)} of 20 others answered"
    )
    return Finding(figure, broken(not_refused=2 - right, others_failed=20 - others.count(200)))


def ask(served: Served, request: Request) -> tuple[int, bytes]:
    """Status and body."""
    return served.ask(f"/v1/{request.kind}", request.body, dict(request.headers))


def _kill_the_busy(served: Served) -> None:
    patience = time.monotonic() + PATIENCE
    while time.monotonic() < patience:
        for worker in workers(served):
            times = worker.cpu_times()
            if times.user + times.system > BUSY:
                worker.kill()
                worker.wait(PATIENCE)
                return
        time.sleep(0.01)
    message = "no worker has begun"
    raise RuntimeError(message)


def too_long(*, quick: bool) -> Finding:
    """F7: a computation of seconds, of which the client allows half of one."""
    allowed, times, statuses = 0.5, list[float](), list[int]()
    with service(log_level="critical") as served:
        for number in range(3 if quick else 20):
            since = time.perf_counter()
            status, body = ask(served, endless(number, X_Request_Timeout=str(allowed)))
            times.append(time.perf_counter() - since - allowed)
            statuses.append(status if b"deadline-exceeded" in body else 0)
        since = time.perf_counter()
        status, _ = ask(served, heavy(0))
        back = time.perf_counter() - since
    late_by = f"{milliseconds(max(times))} after it at the latest"
    missed = len(times) - statuses.count(REFUSED)
    figure = (
        f"{len(times) - missed} of {len(times)} refused at their deadline of {allowed} s, {late_by};"
        f" the next request is answered in {milliseconds(back)}"
    )
    return Finding(figure, broken(not_refused=missed, lost=int(status != OK)))


def leaving(*, quick: bool) -> Finding:
    """F12: clients that ask for some seconds of work and are gone after 10 ms."""
    many = LEAVING // 10 if quick else LEAVING

    async def leave(request: Request) -> None:
        _, writer = await asyncio.open_connection(HOST, served.port)
        writer.write(request.wire)
        await asyncio.sleep(0.01)
        writer.transport.abort()

    async def all_leave() -> tuple[float, list[int]]:
        for start in range(0, many, 50):
            await asyncio.gather(*(leave(endless(number)) for number in range(start, min(start + 50, many))))
        since = time.perf_counter()
        client = Client(served.port)
        statuses = [(await client.ask(heavy(number)))[0] for number in range(4)]
        client.close()
        return time.perf_counter() - since, statuses

    with service(log_level="critical") as served:
        ask(served, heavy(5))
        seconds, statuses = asyncio.run(all_leave())
        queued = counter(served, "pool_queued")
        busy = counter(served, "in_flight")
    figure = (
        f"{many} clients that leave: {milliseconds(seconds)} later 4 requests that take a worker are answered;"
        f" {queued:.0f} wait, {busy - 1:.0f} under way"
    )
    return Finding(figure, broken(failed=4 - statuses.count(200), still_wait=int(queued), still_run=int(busy) - 1))
