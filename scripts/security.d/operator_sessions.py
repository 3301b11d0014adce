"""Sessions of staff: nothing without a second factor, codes that count once, guessing that waits, tokens that are stolen, ends that are ends."""

import base64
import secrets
import time
from hashlib import sha256
from pathlib import Path

import httpx
from core import CannotRun, Check, item
from cookies import examine
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from enumeration import guess
from factors import code
from guessing import guesses_until_wait
from sessions import forged, signed, tokens, un64
from staff import COOKIE, OURS, Staff, add_staff, command_line, filled, guarded, set_up
from world import KNOWN_SECRETS, World, needed, new_password


def own_key() -> Ed25519PrivateKey:
    """The console's key of this throw-away installation, derived as domain/operator/token.rs does."""
    master = base64.b64decode(Path(needed("KIKUBARI_OPERATOR_SECRET_KEY_FILE")).read_text())
    seed = HKDF(hashes.SHA256(), 32, b"kikubari", b"access v1").derive(master)
    return Ed25519PrivateKey.from_private_bytes(sha256(b"operator access v1" + seed).digest())


def canary(world: World, check: Check) -> None:
    key = Ed25519PrivateKey.generate()
    header, claims = {"alg": "EdDSA", "typ": "operator+jwt", "kid": "x"}, {"sub": "1", "exp": int(time.time()) + 60}
    tokens(check, "canary", world.canary, "/me", forged(key, header, claims, signed(key, header, claims)))
    guess(check, "canary", world.canary, "/login", "known", False)
    with world.canary.client(cookies={"s": "canary-refresh-token"}) as client:
        check.that([client.post("/refresh").status_code for _ in range(2)] != [200, 200], "canary", "a used token goes on to work")
    if len(check.findings) < 3:
        check.findings.clear()  # Each way of looking has to find it.


@item("operator.session-management", "staff: second factor always, codes once, guessing, forged and stolen tokens, time limits, ends", canary, aside=True)
def attack(world: World, check: Check) -> None:
    first_log_in(world, check)
    staff = add_staff(world)
    jwt_table(world, check, staff)
    stolen(world, check)
    limits(world, check)
    ends(world, check)
    # No longer than that: the other lane waits for it before each of its items.
    with world.guessing:
        world.forget_guesses()
        codes(check, staff)
        guessing(world, check)


def opens_nothing(check: Check, where: str, world: World, secret: str) -> None:
    """Neither as access token nor as cookie."""
    with world.console.client(secret) as client:
        for operation in guarded():
            if operation.method == "GET":
                status = client.get(filled(operation, {})).status_code
                check.that(status == 401, f"{where} at {operation.id}", f"answered {status}")
    check.that(refresh(world, secret).status_code == 401, f"{where} as cookie", "opens a session")


def no_session(check: Check, where: str, answer: httpx.Response) -> None:
    told = "access_token" in answer.text or COOKIE in answer.headers.get("set-cookie", "")
    check.that(not told, where, f"opens a session: {answer.status_code}")


def first_log_in(world: World, check: Check) -> None:
    login_id = f"staff-{secrets.token_hex(5)}"
    one_time = command_line("add", "--login-id", login_id, "--name", "新人")
    new = Staff(world.console, login_id, one_time, "staff", world=world)
    first = new.first_step()
    no_session(check, "one-time password alone", first)
    ticket = first.json()["ticket"]
    opens_nothing(check, "ticket of the set-up", world, ticket)
    right = code(first.json()["secret"], time.time())
    for where, digits, more in (
        ("no password of one's own", right, {}), ("the one-time password again", right, {"new_password": one_time}), ("a leaked password", right, {"new_password": "123456789012"}),
        ("a short password", right, {"new_password": "short"}), ("a wrong code", "000000", {"new_password": new_password()}), ("no code", "", {"new_password": new_password()}),
    ):  # fmt: skip
        answer = new.second_step(ticket, digits, **more)
        no_session(check, f"set-up with {where}", answer)
        check.that(answer.status_code in (401, 422), f"set-up with {where}", f"answered {answer.status_code}")
    staff, done = set_up(world, login_id, one_time)
    check.that(new.first_step(one_time).status_code == 401, "one-time password", "is good after the set-up")
    again = new.second_step(ticket, code(staff.seed, time.time() + 30), new_password=new_password())
    check.that(again.status_code == 401, "ticket of another set-up", f"sets up anew: {again.status_code}")
    for where, line in [("set-up", line) for line in done.headers.get_list("set-cookie")]:
        examine(check, where, line)
    check.that("refresh" not in done.text.lower() and COOKIE in done.cookies, "set-up", "shows the refresh token to scripts")


def jwt_table(world: World, check: Check, staff: Staff) -> None:
    good = staff.log_in().json()["access_token"]
    header, claims = un64(good.split(".")[0]), un64(good.split(".")[1])
    key = own_key()
    if me(world, signed(key, header, claims)) != 200:
        raise CannotRun("a token that this suite signs as the console does is refused: the table would prove nothing")
    check.that(header.get("alg") == "EdDSA" and header.get("typ") == "operator+jwt", "header", f"is {header}")
    check.that(claims["exp"] - claims["iat"] <= 300, "lifetime", f"{claims['exp'] - claims['iat']} s")
    tokens(check, "console", world.console, "/v1/me", forged(key, header, claims, good))
    tokens(check, "console", world.console, "/v1/me", {"typ of the tenants": signed(key, {**header, "typ": "at+jwt"}, claims), "aud of the tenants": signed(key, header, {**claims, "aud": "kikubari-api"})})
    with world.console.client() as client:
        for where, options in {"in the query": {"params": {"access_token": good}}, "as cookie": {"headers": {"Cookie": f"access_token={good}"}}, "bare": {"headers": {"Authorization": good}}}.items():
            check.that(client.get("/v1/me", **options).status_code == 401, f"token {where}", "is taken")


def codes(check: Check, staff: Staff) -> None:
    def ticket() -> str:
        first = staff.first_step()
        no_session(check, "password alone", first)
        check.that(first.json().get("secret") is None, "password alone", "shows the app's key again")
        return first.json()["ticket"]

    staff.forget_code()
    opened = ticket()
    opens_nothing(check, "ticket", staff.world, opened)
    right = code(staff.seed, time.time())
    check.that(staff.second_step(opened, right).status_code == 200, "the code", "is refused")
    check.that(staff.second_step(opened, code(staff.seed, time.time() + 30)).status_code == 401, "a used ticket", "opens a second session")
    check.that(staff.second_step(ticket(), right).status_code == 401, "the same code", "is taken twice")
    staff.forget_code()
    for odd in ("", " ", "00000", "0000000", "６５４３２１", "a" * 16, code(staff.seed, time.time() - 600)):
        answer = staff.second_step(ticket(), odd)
        check.that(answer.status_code in (401, 422, 429), f"code {odd!r}", f"answered {answer.status_code}")
        staff.world.forget_guesses()
    for odd in (None, 123456, True, [right], {"$ne": ""}):
        with staff.target.client() as client:
            answer = client.post("/v1/auth/code", json={"ticket": ticket(), "code": odd})
        check.that(answer.status_code in (400, 422), f"code {odd!r}", f"answered {answer.status_code}")
    # Wrong ones void the ticket, and then make the person wait, from whatever ticket they come.
    opened = ticket()
    told = [staff.second_step(opened, f"{n:06d}").status_code for n in range(5)]
    check.that(set(told) <= {401, 429}, "guesses of codes", f"{told}")
    staff.world.forget_guesses()
    check.that(staff.second_step(opened, code(staff.seed, time.time())).status_code == 401, "ticket after five guesses", "is still good")
    told = [answer.status_code for answer in guesses_until_wait(lambda n: staff.second_step(ticket(), f"{n:06d}"))]
    check.that(429 in told, "guesses by many tickets", f"never wait: {told}")
    staff.world.forget_guesses()
    journal = staff.world.sql("SELECT count(*) FROM operator_audit WHERE action = 'operator.code_refused' AND detail->>'reason' = 'wrong_code'")
    check.that(int(journal) > 5, "the journal", f"knows of {journal} wrong codes")


def refresh(world: World, cookie: str) -> httpx.Response:
    with world.console.client(headers={**OURS, "Origin": world.console.url, "Cookie": f"{COOKIE}={cookie}"}) as client:
        return client.post("/v1/auth/refresh")


def cookie_of(answer: httpx.Response) -> str:
    value = answer.cookies.get(COOKIE) or ""
    KNOWN_SECRETS.append(("refresh token of staff", value))
    return value


def me(world: World, token: str) -> int:
    with world.console.client(token) as client:
        return client.get("/v1/me").status_code


def session_of(answer: httpx.Response) -> str:
    return un64(answer.json()["access_token"].split(".")[1])["session"]


def stolen(world: World, check: Check) -> None:
    answer = add_staff(world).log_in()
    first, access, session = cookie_of(answer), answer.json()["access_token"], session_of(answer)
    renewed = refresh(world, first)
    second = cookie_of(renewed)
    check.that(renewed.status_code == 200 and second not in ("", first), "refresh", "the token is not changed")
    # Ten seconds are forgiven to two tabs: make them pass.
    world.sql(f"UPDATE operator_session SET rotated_at = rotated_at - interval '1 minute' WHERE id = '{session}'")
    check.that(refresh(world, first).status_code == 401, "used refresh token", "works again")
    check.that(refresh(world, second).status_code == 401, "its successor", "the session lives on")
    check.that(me(world, access) == 401, "its access token", "lives on")
    noted = world.sql(f"SELECT count(*) FROM operator_audit WHERE action = 'operator.refresh_token_reused' AND detail->>'session_id' = '{session}'")
    check.that(noted == "1", "the journal", "says nothing of the reuse")
    for rubbish in ("", "x", "a" * 4000, first[:-2], first + "AA", first.swapcase()):
        check.that(refresh(world, rubbish).status_code in (400, 401, 431), f"refresh token {rubbish[:12]!r}", "passes")


def limits(world: World, check: Check) -> None:
    staff = add_staff(world)
    for name, change in {
        "idle for 16 minutes": "last_active_at = last_active_at - interval '16 minutes'",
        "8 hours old": "created_at = created_at - interval '8 hours', expires_at = expires_at - interval '8 hours'",
    }.items():
        answer = staff.log_in()
        access = answer.json()["access_token"]
        check.that(me(world, access) == 200, name, "does not work before")
        changed = world.sql(f"UPDATE operator_session SET {change} WHERE id = '{session_of(answer)}' RETURNING 1")
        check.that(changed == "1", name, "the row is not where it was thought to be")
        check.that(refresh(world, cookie_of(answer)).status_code == 401, name, "can be refreshed")
        check.that(me(world, access) == 401, name, "the access token goes on to work")


def ends(world: World, check: Check) -> None:
    staff = add_staff(world)
    out = staff.log_in()
    with world.console.client(headers={**OURS, "Origin": world.console.url, "Cookie": f"{COOKIE}={cookie_of(out)}"}) as client:
        gone = client.post("/v1/auth/logout")
    check.that(gone.status_code == 204 and "Max-Age=0" in gone.headers.get("set-cookie", ""), "log-out", "leaves the cookie")
    check.that("clear-site-data" in gone.headers, "log-out", "no Clear-Site-Data")
    check.that(me(world, out.json()["access_token"]) == 401, "log-out", "the access token lives on")
    check.that(refresh(world, cookie_of(out)).status_code == 401, "log-out", "the refresh token lives on")
    for command, words in {"disable": ("disable",), "a factor taken away": ("reset-factor",)}.items():
        inside = staff.log_in()
        command_line(*words, "--login-id", staff.login_id)
        check.that(me(world, inside.json()["access_token"]) == 401, command, "the session goes on")
        check.that(refresh(world, cookie_of(inside)).status_code == 401, command, "can be refreshed")
        check.that(staff.first_step().status_code == 401, command, "the old password is good")
        if command == "disable":
            staff = add_staff(world)


def guessing(world: World, check: Check) -> None:
    """Of a person and of nobody: the same words, and both wait. A colleague gets in meanwhile."""
    victim, colleague = add_staff(world), add_staff(world)
    with world.console.client() as client:
        texts = set()
        for login_id in (victim.login_id, f"nobody-{secrets.token_hex(4)}", "<x>"):
            answer = client.post("/v1/auth/login", json={"login_id": login_id, "password": "wrong-wrong-wrong"})
            texts.add((answer.status_code, str(sorted((k, v) for k, v in answer.json().items() if k != "request_id"))))
    check.that(len(texts) == 1, "known and unknown staff", f"answers differ: {texts}")
    for login_id in (victim.login_id, f"nobody-{secrets.token_hex(4)}"):
        guess(check, f"password of {login_id[:6]}, forged addresses", world.console, "/v1/auth/login", login_id, True)
    check.that(colleague.log_in().status_code == 200, "a colleague", "is locked out")
    noted = world.sql("SELECT count(*) FROM operator_audit WHERE action = 'operator.log_in_refused' AND detail->>'reason' = 'wrong_password'")
    check.that(int(noted) > 0, "the journal", "says nothing of wrong passwords")
