"""Questions to a server that is away or busy, asked again until a deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from kerasser.serving.client.answers import one_line
from kerasser.util.errors import InputError

Reply = TypeVar("Reply")
#: The first pause lasts up to the one, no pause longer than the other.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class TryAgainError(Exception):
    """The server could not answer now, but may later."""


def until(deadline_s: float, ask: Callable[[float], Reply], where: str) -> Reply:
    """Asks again with growing, jittered pauses for as long as the deadline allows.

    Args:
        deadline_s: Seconds for all of it.
        ask: Called with the seconds that are left; raises `TryAgainError` for what may pass.
        where: What an error calls the server.

    Raises:
        InputError: With what was last heard, when the time is up.
    """
    end, longest_s = time.monotonic() + deadline_s, _FIRST_PAUSE_S
    while True:
        try:
            return ask(max(end - time.monotonic(), 0.01))
        except TryAgainError as error:
            # Clients that were refused together must not come back together.
            pause_s = random.uniform(0.0, longest_s)
            if time.monotonic() + pause_s >= end:
                words = one_line(str(error))
                raise InputError(f"{where}: no answer within {deadline_s:g} s. Last: {words}") from error
        time.sleep(pause_s)
        longest_s = min(2.0 * longest_s, _LONGEST_PAUSE_S)
