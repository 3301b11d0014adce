"""Guesses in a row, as many as it takes until one has to wait."""

import time
from collections.abc import Callable

import httpx

# Wrong tries of one guesser that have no wait (FREE_PAIR of session/throttle/lanes.rs).
FREE = 5


def guesses_until_wait(ask: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """Wrong tries in a row, up to the one that has to wait: the last one answers 429, or the ninth did not have to.

    The wait is a second, then doubles. On a busy machine a try may take longer than the one before it has to wait: then
    it proves nothing, and the next one is asked, which has to wait twice as long."""
    answers: list[httpx.Response] = []
    begins: list[float] = []
    for n in range(15):
        begins.append(time.monotonic())
        answers.append(ask(n))
        if answers[-1].status_code == 429:
            break
        if n >= 8 and time.monotonic() - begins[n - 1] < 2 ** (n - FREE - 1):
            break
    return answers
