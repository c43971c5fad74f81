"""Orders for registered functions: a worker that lacks one is given it, and keeps it for later orders."""

from __future__ import annotations

import re
from dataclasses import replace

from service.api.problems import NotFoundError, pointer
from service.api.registered import KNOWN
from service.api.requests import ID_PATTERN
from service.errors import quote
from service.functions.functions import Functions
from service.pool.orders import Executor, Order, Outcome, Report


class SupplyingExecutor:
    """Satisfies `Executor` by another one, whose workers are told the functions that they ask for."""

    def __init__(self, executor: Executor, functions: Functions) -> None:
        self.executor = executor
        self.functions = functions

    async def start(self) -> None:
        """Makes workers ready."""
        await self.executor.start()

    async def stop(self) -> None:
        """Ends every worker, at once."""
        await self.executor.stop()

    async def run(self, order: Order, deadline: float, report: Report | None = None) -> Outcome:
        """The outcome, by the deadline; raises also NotFoundError, if nobody has registered the function."""
        outcome = await self.executor.run(order, deadline, report)
        lacking = outcome.head.get("lacking")
        if lacking is not None:
            document = await self.functions.find(lacking)
            if document is None:
                raise unknown_function(lacking, pointer("function_id"))
            KNOWN.learn(document)
            head = {**order.head, "supplied": len(document)}
            supplied = replace(order, head=head, body=b"".join((order.body, document)))
            outcome = await self.executor.run(supplied, deadline, report)
        elif "used" in outcome.head:
            self.functions.use(outcome.head["used"])
        return outcome


def unknown_function(function_id: str, at: str | None = None) -> NotFoundError:
    """The error of an id under which nothing is kept."""
    shown = function_id if re.fullmatch(ID_PATTERN, function_id) else quote(function_id)
    error = NotFoundError(f"There is no function {shown}; it may have expired, and can be registered again.")
    error.pointer = at
    return error
