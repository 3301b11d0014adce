"""Who has an account: neither words nor time tell. And guessing: slowed down, for those who guess alone."""

import math
import random
import statistics
import time

from core import NIGHTLY, QUICK, Check, item
from guessing import guesses_until_wait
from world import Person, Target, World, add_person, given_password

PAIRS = {QUICK: 24, "whole": 200, NIGHTLY: 200}


def address(n: int) -> str:
    return f"198.51.{100 + n // 250}.{1 + n % 250}"


def try_once(client, path: str, login_id: str, ip: str | None = None, password: str = "wrong-wrong-wrong"):
    begin = time.perf_counter()
    answer = client.post(path, json={"login_id": login_id, "password": password}, headers={"X-Forwarded-For": ip} if ip else {})
    return answer, time.perf_counter() - begin


def by_chance(known: list[float], unknown: list[float]) -> tuple[int, float]:
    """Pairs made back to back: in how many the known one was the slower, and how often a coin would say so or worse (sign test, both sides)."""
    pairs = len(known)
    slower = sum(x > y for x, y in zip(known, unknown, strict=True))
    tail = min(slower, pairs - slower)
    return slower, min(1.0, 2 * sum(math.comb(pairs, k) for k in range(tail + 1)) / 2**pairs)


# Below this, nobody says any more that medians are apart by chance.
CERTAIN = 1e-4


def compare(check: Check, name: str, target: Target, path: str, known: list[str], pairs: int, at: int) -> None:
    """Interleaved tries of known and unknown ids: same words, same time. From many addresses, so that nothing is slowed down.

    The medians have to be within 5 %. On a busy machine they may be apart by chance: then the pairs, made back to back,
    are asked whether one side is the slower one more often than a coin would say (sign test, one in ten thousand).
    """
    known_times, unknown_times, texts, n = [], [], set(), at
    with target.client() as client:
        for pair in range(pairs):
            sides = [("known", known[pair % len(known)]), ("unknown", f"nobody-{random.randrange(10**9):09d}")]
            random.shuffle(sides)
            for side, login_id in sides:
                n += 1
                answer, took = try_once(client, path, login_id, address(n))
                (known_times if side == "known" else unknown_times).append(took)
                body = answer.json()
                body.pop("request_id", None)
                texts.add((answer.status_code, str(sorted(body.items())), str(sorted(k for k in answer.headers if k not in ("date", "x-request-id")))))
    check.that(len(texts) == 1, name, f"answers differ: {sorted(texts)}")
    a, b = statistics.median(known_times), statistics.median(unknown_times)
    slower, chance = by_chance(known_times, unknown_times)
    check.note(f"{name}: known {a * 1000:.2f} ms, unknown {b * 1000:.2f} ms, {pairs} pairs, known slower in {slower}, by chance {chance:.2g}")
    apart = abs(a / b - 1) > 0.05 and chance < CERTAIN
    check.that(not apart, name, f"medians {a * 1000:.2f} and {b * 1000:.2f} ms tell them apart (by chance {chance:.2g})")


def canary(world: World, check: Check) -> None:
    compare(check, "canary", world.canary, "/login", ["known"], 20, 0)


@item("enumeration", "log-in of known and unknown ids: same words, medians within 5 %", canary)
def attack(world: World, check: Check) -> None:
    # Four tries for each person: too few for any limit to be met.
    known = [given_password(world.owner, "viewer").login_id for _ in range(PAIRS[world.level] // 4)]
    # Straight at the api, whose trusted proxy this machine is: each try from an address of its own.
    compare(check, "log-in", world.direct, "/v1/auth/login", known, PAIRS[world.level], 0)


def guess(check: Check, name: str, target: Target, path: str, login_id: str, spoof: bool) -> None:
    """One guesser: the ninth wrong try in a row has to wait, whatever addresses it claims to come from."""
    with target.client() as client:
        answers = guesses_until_wait(lambda n: try_once(client, path, login_id, address(5000 + n) if spoof else None)[0])
    statuses = [answer.status_code for answer in answers]
    check.that(429 in statuses, name, f"{len(statuses)} guesses: {statuses}")


def brute_canary(world: World, check: Check) -> None:
    guess(check, "canary", world.canary, "/login", "known", False)


@item("brute-force", "guessing is slowed down by address and account; others still get in", brute_canary, guesses=True)
def brute_force(world: World, check: Check) -> None:
    victim = add_person(world.owner, "viewer")
    guess(check, "one account, forged addresses", world.product, "/v1/auth/login", victim.login_id, True)
    with world.direct.client() as client:
        answer, _ = try_once(client, "/v1/auth/login", victim.login_id, "203.0.113.77", victim.password)
        check.that(answer.status_code == 200, "the person from elsewhere", f"is locked out: {answer.status_code}")
        # One address, many accounts: the spray.
        statuses = [try_once(client, "/v1/auth/login", f"spray-{n}", "203.0.113.99")[0].status_code for n in range(60)]
        check.that(429 in statuses, "one address, 60 accounts", f"no wait: {sorted(set(statuses))}")
        answer, _ = try_once(client, "/v1/auth/login", victim.login_id, "203.0.113.98", victim.password)
        check.that(answer.status_code == 200, "the neighbour", f"is locked out: {answer.status_code}")
        waited = [s for s in statuses if s == 429]
        check.note(f"spray: {len(waited)} of {len(statuses)} tries had to wait")


def distributed_canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        statuses = [try_once(client, "/login", "known", address(8000 + n))[0].status_code for n in range(60)]
    check.that(429 in statuses, "canary", "60 guesses and none had to wait")


@item("brute-force.distributed", "guessing of one account from many addresses is slowed down too", distributed_canary, guesses=True)
def distributed(world: World, check: Check) -> None:
    """Three tries from each address: below its limit. The account's own limit has to hold."""
    victim: Person = add_person(world.owner, "viewer")
    with world.direct.client() as client:
        statuses = [try_once(client, "/v1/auth/login", victim.login_id, address(8000 + n // 3))[0].status_code for n in range(45)]
    waited = statuses.count(429)
    check.note(f"distributed: {waited} of 45 tries from 15 addresses had to wait")
    check.that(waited > 0, "one account, 15 addresses", "45 guesses and none had to wait")
