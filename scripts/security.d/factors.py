"""The second factor: the password alone opens nothing, a code is taken once, guessing ends the question."""

import base64
import hashlib
import hmac
import struct
import time

from core import Check, item
from world import KNOWN_SECRETS, Person, World, add_person


def code(secret: str, at: float) -> str:
    """RFC 6238."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    offset = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def forget_code(world: World, person: Person) -> None:
    """As half an hour later: the code that the app shows now was not used yet."""
    whose = f"SELECT tenant_id, id FROM user_account WHERE login_id = '{person.login_id}'"
    world.sql(f"UPDATE totp_seed SET last_step = last_step - 60 WHERE (tenant_id, user_id) IN ({whose})")


def canary(world: World, check: Check) -> None:
    with world.canary.client(cookies={"s": "canary-refresh-token"}) as client:
        check.that([client.post("/refresh").status_code for _ in range(2)] != [200, 200], "canary", "takes the same thing twice")


@item("log-in.second-factor", "a code is taken once; the password alone opens nothing; guessing ends the question", canary, guesses=True)
def attack(world: World, check: Check) -> None:
    person = add_person(world.owner, "viewer")
    made = person.call("POST", "/v1/auth/totp")
    seed = made["secret"]
    KNOWN_SECRETS.append(("TOTP secret", seed))
    first = code(seed, time.time())
    recovery = person.call("POST", "/v1/auth/totp/confirm", {"code": first})["codes"]
    KNOWN_SECRETS.extend(("recovery code", one) for one in recovery)
    check.that(len(set(recovery)) == 10, "recovery codes", f"are {len(set(recovery))}")

    def question() -> str:
        with world.anonymous() as client:
            answer = client.post("/v1/auth/login", json={"login_id": person.login_id, "password": person.password})
        told = answer.json()
        opens = answer.status_code != 200 or "access_token" in told or "__Host-kikubari_refresh" in answer.headers.get("set-cookie", "")
        check.that(not opens, "password alone", f"answered {answer.status_code} {sorted(told)}")
        return told["second_factor"]["token"]

    def answer(token: str, **how) -> int:
        with world.anonymous() as client:
            return client.post("/v1/auth/second-factors", json={"token": token, **how}).status_code

    check.that(answer(question(), totp=first) == 401, "the code of the enrolment", "is taken again")
    forget_code(world, person)
    good = code(seed, time.time())
    check.that(answer(question(), totp=good) == 200, "the code", "is refused")
    check.that(answer(question(), totp=good) == 401, "the same code", "is taken twice")
    check.that(answer(question(), recovery_code=recovery[0]) == 200, "a recovery code", "is refused")
    check.that(answer(question(), recovery_code=recovery[0]) == 401, "a recovery code", "is taken twice")
    token = question()
    with world.anonymous() as client:
        check.that(client.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401, "the question's token", "is an access token")
        check.that(client.post("/v1/auth/step-up", json={"password": person.password}, headers={"Authorization": f"Bearer {token}"}).status_code == 401, "the question's token", "steps up")
    tried = [answer(token, totp=f"{n:06d}") for n in range(6)]
    check.that(set(tried) == {401}, "guesses", f"{tried}")
    ahead = code(seed, time.time() + 30)
    check.that(answer(token, totp=ahead) == 401, "after six guesses", "the question is still open")
    password = person.client.post("/v1/auth/step-up", json={"password": person.password})
    check.that(password.status_code == 422, "step-up with the password alone", f"answered {password.status_code}")
    for how in ({}, {"totp": ""}, {"totp": "000000", "recovery_code": "x"}, {"recovery_code": "aaaa-aaaa"}):
        check.that(answer(question(), **how) in (401, 422, 429), f"answer {how}", "is taken")
