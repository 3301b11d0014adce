"""Passwords: which ones are taken, what a given one allows, and the way back for who forgot theirs."""

import random
import secrets
import statistics
import time

from core import Check, item
from enumeration import CERTAIN, by_chance
from leaked import unlisted
from world import Person, World, add_person, given_password, new_password, until

WEAK = ("short", "password123456", "123456789012", "qwertyuiop12", "aaaaaaaaaaaa", "kikubari2026!!", "Kikubari-password")
# Of the list of leaked ones, and long enough.
LEAKED = ("123456789012", "qwertyuiop12")


def password_canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        answer = client.post("/things/1", json={"password": WEAK[1]})
        check.that(answer.status_code == 422, "canary", "takes a password that everybody knows")


@item("log-in.passwords", "short, leaked and named passwords are refused, long ones taken; a given one allows nothing but changing it", password_canary)
def passwords(world: World, check: Check) -> None:
    owner = world.owner

    def make(password: str):
        login = f"weak{secrets.token_hex(5)}"
        body = {"login_id": login, "display_name": "弱い", "email": f"{login}@example.jp", "role": "viewer", "password": password}
        return owner.client.post("/v1/users", json=body)

    company = owner.call("GET", "/v1/tenant")["name"]
    for password in (*WEAK, company * 3, "", " " * 20):
        check.that(make(password).status_code == 422, f"password {password!r}", "is taken")
    for length in (64, 128, 250):
        check.that(make(unlisted(lambda n=length: secrets.token_urlsafe(300)[:n])).status_code == 201, f"password of {length}", "is refused")
    check.that(make(unlisted(lambda: "馬 電池 ホチキス 正しい " + secrets.token_hex(6))).status_code == 201, "a phrase with spaces", "is refused")
    own_door(check, world)
    given(check, world)


def own_door(check: Check, world: World) -> None:
    """What nobody gets for others they do not get for themselves."""
    person = add_person(world.owner, "viewer")
    for password in LEAKED:
        told = person.call("POST", "/v1/auth/password-checks", {"password": password})
        codes = {problem["code"] for problem in told["problems"]}
        check.that("leaked" in codes, f"check of {password!r}", f"says {codes}")
        answer = person.client.post("/v1/auth/password", json={"current_password": person.password, "new_password": password})
        check.that(answer.status_code == 422 and "leaked" in answer.text, f"own password {password!r}", f"answered {answer.status_code}: {answer.text[:150]}")


def given(check: Check, world: World) -> None:
    """A password that somebody else made up: they know it too."""
    owner = world.owner
    person = given_password(owner, "editor")
    check.that(person.call("GET", "/v1/me")["password"]["must_change"], "given password", "is taken for the person's own")
    for method, path, body in (("GET", "/v1/contacts", None), ("POST", "/v1/lists", {"name": secrets.token_hex(4)}), ("GET", "/v1/mails", None)):
        answer = person.client.request(method, path, json=body)
        check.that(answer.status_code == 403, f"{method} {path} with a given password", f"answered {answer.status_code}")
    person.change_password(new_password())
    check.that(person.client.get("/v1/contacts").status_code == 200, "own password", "allows no more than the given one")


# -------------------------------------------------------------------- reset


# Of requests for somebody and for nobody.
PAIRS = 24


def reset_canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        told = {client.post("/login", json={"login_id": who}).text for who in ("known", "unknown")}
    check.that(len(told) == 1, "canary", "tells who is known")


@item("enumeration.reset", "a forgotten password: same words and time whether there is somebody or not; links can't be guessed", reset_canary, guesses=True)
def reset(world: World, check: Check) -> None:
    known = [given_password(world.owner, "viewer").login_id for _ in range(8)]
    times: dict[bool, list[float]] = {True: [], False: []}
    texts = set()
    with world.direct.client() as client:
        for n in range(PAIRS):
            # In either order: the work behind one answer falls into the other's time.
            sides = [True, False]
            random.shuffle(sides)
            for is_known in sides:
                login = known[n % len(known)] if is_known else f"nobody-{secrets.token_hex(4)}"
                begin = time.perf_counter()
                answer = client.post("/v1/auth/reset-requests", json={"login": login}, headers={"X-Forwarded-For": f"203.0.113.{2 * n + is_known + 1}"})
                times[is_known].append(time.perf_counter() - begin)
                texts.add((answer.status_code, answer.text))
        check.that(texts == {(202, "")}, "reset requests", f"answers differ: {texts}")
        middle = {side: statistics.median(values) for side, values in times.items()}
        slower, chance = by_chance(times[True], times[False])
        check.note(f"medians: {middle}, {PAIRS} pairs, known slower in {slower}, by chance {chance:.2g}")
        # The work is done behind the answer: what is left is a few milliseconds, of which five are allowed. On a busy
        # machine they may be more by chance: then the pairs are asked, as for the log-in.
        apart = abs(middle[True] - middle[False]) > 0.005 and chance < CERTAIN
        check.that(not apart, "reset requests", f"medians {middle} tell them apart (by chance {chance:.2g})")
        for path in ("resets", "invitation-acceptances"):
            for token in ("", "x", "A" * 43, "../" * 10, secrets.token_urlsafe(32), secrets.token_urlsafe(64)):
                body = {"token": token, "new_password": secrets.token_urlsafe(24)}
                answer = client.post(f"/v1/auth/{path}", json=body, headers={"X-Forwarded-For": "203.0.113.90"})
                check.that(answer.status_code in (401, 422), f"{path} with {token[:10]!r}", f"answered {answer.status_code}: {answer.text[:150]}")
    too_often(check, world)


def too_often(check: Check, world: World) -> None:
    """Of a person who asks again and again: one mail a minute, whatever was answered."""
    person: Person = given_password(world.owner, "viewer")
    with world.direct.client() as client:
        for _ in range(4):
            client.post("/v1/auth/reset-requests", json={"login": person.login_id}, headers={"X-Forwarded-For": "203.0.113.91"})
    made = f"SELECT count(*) FROM user_link l JOIN user_account u ON (u.tenant_id, u.id) = (l.tenant_id, l.user_id) WHERE u.login_id = '{person.login_id}'"
    until(lambda: int(world.sql(made)), 60, "the link")
    time.sleep(0.5)
    links = int(world.sql(made))
    check.that(links == 1, "four requests", f"made {links} links")
