"""F16: valid and hostile requests for a long time, and whether the service grows."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.faults.asking import heavy, small, stored
from benchmarks.faults.finding import Finding, broken
from benchmarks.faults.load import HOST, OK, REFUSED, Answer, Request, open_loop
from tests.server.processes import Served, service
from tests.threats.rows import Attack
from tests.threats.texts import TEXTS

RATE = 20.0  # requests a second, one in ten of them hostile
WARM = 10.0  # minutes, or a third of a shorter run, in which caches fill
MEMORY: dict[str, Any] = {"cache_bytes": 4 << 20, "worker_orders": 500}  # bounds that are reached within that time
ATTACKS = [part for row in TEXTS.values() for part in row if isinstance(part, Attack)]
HOSTILE = [attack.sent for attack in ATTACKS if attack.required[0] == REFUSED]


@dataclass(frozen=True)
class Sample:
    """What the service has at one moment: bytes of all its processes, its own descriptors, and its children."""

    bytes: int
    descriptors: int
    children: int


def sample(served: Served) -> Sample:
    """Now; memory that processes share counts in each."""
    process = psutil.Process(served.process.pid)
    family = [process, *process.children(recursive=True)]
    size = 0
    for member in family:
        try:
            size += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # a worker that was replaced in this moment
    return Sample(size, process.num_fds(), len(family) - 1)


async def hostile(port: int, number: int) -> int:
    """The status of the answer to an attack, on a connection of its own."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(HOSTILE[number % len(HOSTILE)])
    answer = await reader.read()
    writer.close()
    return int(answer[9:12])


def mixed(number: int) -> Request:
    """One of three kinds."""
    return (small, small, stored, small, heavy)[number % 5](number)


async def _soak(served: Served, seconds: float) -> tuple[list[Sample], list[Answer], list[int]]:
    samples: list[Sample] = []
    statuses: list[int] = []

    async def watch() -> None:
        while True:
            samples.append(await asyncio.to_thread(sample, served))
            await asyncio.sleep(1)

    async def attack() -> None:
        number = 0
        while True:
            statuses.append(await hostile(served.port, number))
            number += 1
            await asyncio.sleep(10 / RATE)

    tasks = [asyncio.create_task(watch()), asyncio.create_task(attack())]
    try:
        answers = await open_loop(served.port, 0.9 * RATE, seconds, mixed)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(2)  # who was cancelled is gone
    samples.append(sample(served))
    return samples, answers, statuses


def growth(samples: Sequence[Sample], warm: int) -> float:
    """How much larger the last tenth is than the first tenth after warming up, as a share."""
    settled = [each.bytes for each in samples[warm:]]
    part = max(1, len(settled) // 10)
    return statistics.median(settled[-part:]) / statistics.median(settled[:part]) - 1


def soak(minutes: float) -> Finding:
    """Memory, descriptors and children over the minutes; a service that leaks is told from one that does not."""
    warm = int(60 * min(WARM, minutes / 3))
    with service(log_level="critical", **MEMORY) as served:
        samples, answers, statuses = asyncio.run(_soak(served, 60 * minutes))
    with service(log_level="critical", module="benchmarks.faults.leaking", **MEMORY) as leaking:
        control, _, _ = asyncio.run(_soak(leaking, 60 * min(minutes, WARM / 4)))
    grown, leaked = growth(samples, warm), growth(control, len(control) // 3)
    settled = samples[warm:]
    descriptors = [each.descriptors for each in settled]
    failed = sum(answer.status != OK for answer in answers)
    odd = sum(status != REFUSED for status in statuses)
    figure = (
        f"{minutes:g} min, {len(answers)} valid requests of which {failed} failed, {len(statuses)} hostile ones of"
        f" which {odd} were not answered 422: memory {grown:+.1%} after {warm / 60:.1f} min, at most"
        f" {max(each.bytes for each in samples) / 2**20:.0f} MB; {min(descriptors)} to {max(descriptors)} descriptors,"
        f" {samples[0].children} children at first and {samples[-1].children} at last;"
        f" a service with a leak {leaked:+.1%}"
    )
    return Finding(
        figure,
        broken(
            failed=failed,
            not_422=odd,
            more_children=abs(samples[-1].children - samples[0].children),
            leak_unseen=int(leaked <= grown),
        ),
    )
