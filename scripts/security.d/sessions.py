"""Session management: tokens that are not ours, tokens that were stolen, sessions that should have ended."""

import base64
import json
import time
import uuid
from pathlib import Path

import httpx
from core import Check, CannotRun, item
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from world import KNOWN_SECRETS, Person, Target, World, add_person, needed, new_password

OURS = {"X-Kikubari-Client": "web"}


def b64(data: bytes | dict) -> str:
    raw = json.dumps(data).encode() if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def un64(text: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def signed(key: Ed25519PrivateKey, header: dict, claims: dict) -> str:
    text = f"{b64(header)}.{b64(claims)}"
    return f"{text}.{b64(key.sign(text.encode()))}"


def own_key() -> Ed25519PrivateKey:
    """The key of this throw-away installation, derived as domain/secret.rs does."""
    master = base64.b64decode(Path(needed("KIKUBARI_SECRET_KEY_FILE")).read_text())
    return Ed25519PrivateKey.from_private_bytes(HKDF(hashes.SHA256(), 32, b"kikubari", b"access v1").derive(master))


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def hs256(secret: bytes, header: dict, claims: dict) -> str:
    text = f"{b64(header)}.{b64(claims)}"
    mac = hmac.HMAC(secret, hashes.SHA256())
    mac.update(text.encode())
    return f"{text}.{b64(mac.finalize())}"


def forged(key: Ed25519PrivateKey, header: dict, claims: dict, good: str) -> dict[str, str]:
    """Name → a token that must not pass. Signed with our own key where only one thing is wrong."""
    now, foreign = int(time.time()), Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(public_of(foreign))}
    spki = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body, signature = good.split(".")

    def other(**change) -> str:
        return signed(key, header, {**claims, **change})

    def with_header(signer=key, **change) -> str:
        return signed(signer, {k: v for k, v in {**header, **change}.items() if v is not None}, claims)

    return {
        "no token": "", "rubbish": "a.b.c", "two parts": f"{head}.{body}", "four parts": f"{good}.x", "no signature": f"{head}.{body}.",
        "none": f"{b64({**header, 'alg': 'none'})}.{body}.", "None": f"{b64({**header, 'alg': 'None'})}.{body}.",
        "none with signature": f"{b64({**header, 'alg': 'none'})}.{body}.{signature}",
        "HS256 with public key": hs256(public_of(key), {**header, "alg": "HS256"}, claims),
        "HS256 with public PEM": hs256(spki, {**header, "alg": "HS256"}, claims),
        "HS256 with nothing": hs256(b"\0", {**header, "alg": "HS256"}, claims),
        "RS256 named": f"{b64({**header, 'alg': 'RS256'})}.{body}.{signature}",
        "signature of another": f"{head}.{body}.{b64(foreign.sign(b'x'))}",
        "claims changed": f"{head}.{b64({**claims, 'sub': str(uuid.uuid4())})}.{signature}",
        "foreign key": with_header(foreign), "foreign kid": with_header(kid="x"), "no kid": with_header(kid=None), "kid as path": with_header(kid="../../dev/null"),
        "kid as SQL": with_header(kid="' OR '1'='1"), "embedded jwk": with_header(foreign, jwk=jwk), "jku": with_header(jku="https://evil.example/jwks"),
        "own key with jku": with_header(key, jku="https://evil.example/jwks"), "own key with jwk": with_header(key, jwk=jwk),
        "own key with x5u": with_header(key, x5u="https://evil.example/x"), "wrong typ": with_header(typ="JWT"), "no typ": with_header(typ=None),
        "id token": with_header(typ="id_token"), "wrong aud": other(aud="other"), "wrong iss": other(iss="evil"), "expired": other(exp=now - 1),
        "expired long ago": other(exp=now - 86400, nbf=now - 90000, iat=now - 90000), "not yet": other(nbf=now + 600), "exp as word": other(exp="never"),
        "unknown session": other(session=str(uuid.uuid4())), "unknown person": other(sub=str(uuid.uuid4())), "other tenant": other(tenant=str(uuid.uuid4())),
        "without exp": signed(key, header, {k: v for k, v in claims.items() if k != "exp"}), "too long": good + "A" * 5000,
        "more claims": other(admin=True),
    }  # fmt: skip


def tokens(check: Check, name: str, target: Target, path: str, table: dict[str, str]) -> None:
    with target.client() as client:
        for kind, token in table.items():
            answer = client.get(path, headers={"Authorization": f"Bearer {token}".strip()})
            check.that(answer.status_code == 401, f"{name} token: {kind}", f"answered {answer.status_code}")


def canary(world: World, check: Check) -> None:
    key = Ed25519PrivateKey.generate()
    header, claims = {"alg": "EdDSA", "typ": "at+jwt", "kid": "x"}, {"sub": "1", "exp": int(time.time()) + 60}
    tokens(check, "canary", world.canary, "/me", forged(key, header, claims, signed(key, header, claims)))
    with world.canary.client(cookies={"s": "canary-refresh-token"}) as client:
        check.that([client.post("/refresh").status_code for _ in range(2)] != [200, 200], "canary", "a used token goes on to work")


@item("session-management", "forged tokens, stolen refresh tokens, time limits, ends that must be ends", canary)
def attack(world: World, check: Check) -> None:
    jwt_table(world, check)
    stolen(world, check)
    limits(world, check)
    ends(world, check)


def jwt_table(world: World, check: Check) -> None:
    good = world.owner.fresh()  # All of the table has to be wrong for its own reason, not because time is up.
    header, claims = un64(good.split(".")[0]), un64(good.split(".")[1])
    key = own_key()
    with world.anonymous() as client:
        answer = client.get("/v1/me", headers={"Authorization": f"Bearer {signed(key, header, claims)}"})
    if answer.status_code != 200:
        raise CannotRun("a token that this suite signs as the product does is refused: the table would prove nothing")
    check.that(header.get("alg") == "EdDSA" and header.get("typ") == "at+jwt", "header", f"is {header}")
    check.that(claims["exp"] - claims["iat"] <= 600, "lifetime", f"{claims['exp'] - claims['iat']} s")
    tokens(check, "product", world.product, "/v1/me", forged(key, header, claims, good))
    with world.anonymous() as client:
        for where, options in {
            "in the query": {"params": {"access_token": good}}, "as cookie": {"cookies": {"access_token": good}},
            "as Basic": {"headers": {"Authorization": f"Basic {good}"}}, "bare": {"headers": {"Authorization": good}},
        }.items():  # fmt: skip
            client.cookies.clear()
            answer = client.get("/v1/me", **options)
            check.that(answer.status_code == 401, f"token {where}", f"answered {answer.status_code}")


def refresh(world: World, cookie: str) -> httpx.Response:
    with world.anonymous(headers={**OURS, "Origin": world.product.url, "Cookie": f"__Host-kikubari_refresh={cookie}"}) as client:
        return client.post("/v1/auth/refresh")


def cookie_of(answer: httpx.Response) -> str:
    value = answer.cookies.get("__Host-kikubari_refresh") or ""
    KNOWN_SECRETS.append(("refresh token", value))
    return value


def me(world: World, token: str) -> int:
    with world.anonymous() as client:
        return client.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code


def session_of(token: str) -> str:
    return un64(token.split(".")[1])["session"]


def stolen(world: World, check: Check) -> None:
    person = add_person(world.owner, "viewer")
    answer = person.log_in()
    first, access, session = cookie_of(answer), answer.json()["access_token"], session_of(answer.json()["access_token"])
    renewed = refresh(world, first)
    second = cookie_of(renewed)
    check.that(renewed.status_code == 200 and second not in ("", first), "refresh", "the token is not changed")
    # Ten seconds are forgiven to two tabs: make them pass.
    world.sql(f"UPDATE refresh_token SET used_at = used_at - interval '1 minute' WHERE used_at IS NOT NULL AND session_id = '{session}'")
    again = refresh(world, first)
    check.that(again.status_code == 401, "used refresh token", f"works again: {again.status_code}")
    check.that(refresh(world, second).status_code == 401, "its successor", "the family lives on")
    check.that(me(world, access) == 401, "its access token", "lives on")
    audited = world.sql(f"SELECT count(*) FROM audit_entry WHERE action = 'session.refresh_token_reused' AND subject_id = '{session}'")
    check.that(int(audited or 0) > 0, "audit", "says nothing of the reuse")
    for rubbish in ("", "x", "a" * 4000, first[:-1], first + "A", first.swapcase(), "00000000-0000-0000-0000-000000000000." + first.split(".")[-1]):
        check.that(refresh(world, rubbish).status_code in (400, 401, 431), f"refresh token {rubbish[:12]!r}", "passes")


def limits(world: World, check: Check) -> None:
    """Made to pass by setting the row back: the server's row decides, not the page."""
    for name, change in {
        "idle for 31 minutes": "last_active_at = last_active_at - interval '31 minutes'",
        "12 hours old": "created_at = created_at - interval '12 hours', expires_at = expires_at - interval '12 hours'",
    }.items():
        person = add_person(world.owner, "viewer")
        answer = person.log_in()
        access = answer.json()["access_token"]
        check.that(me(world, access) == 200, name, "does not work before")
        changed = world.sql(f"UPDATE session SET {change} WHERE id = '{session_of(access)}' RETURNING 1")
        check.that(changed.strip() == "1", name, "the row is not where it was thought to be")
        check.that(refresh(world, cookie_of(answer)).status_code == 401, name, "can be refreshed")
        check.that(me(world, access) == 401, name, "the access token goes on to work")


def ends(world: World, check: Check) -> None:
    owner = world.owner
    person = add_person(owner, "viewer")
    one, two = person.log_in(), person.log_in()
    with world.anonymous(headers={"Authorization": f"Bearer {one.json()['access_token']}"}) as client:
        new = new_password()
        wrong = client.post("/v1/auth/password", json={"current_password": "wrong-wrong-wrong", "new_password": new})
        check.that(wrong.status_code in (401, 403, 422), "password change", f"without the current one: {wrong.status_code}")
        changed = client.post("/v1/auth/password", json={"current_password": person.password, "new_password": new})
        check.that(changed.status_code == 204, "password change", f"answered {changed.status_code}: {changed.text[:200]}")
    check.that(refresh(world, cookie_of(two)).status_code == 401, "password change", "the other session's refresh token lives on")
    check.that(me(world, two.json()["access_token"]) == 401, "password change", "the other session's access token lives on")
    with world.anonymous() as client:
        old = client.post("/v1/auth/login", json={"login_id": person.login_id, "password": person.password})
        check.that(old.status_code == 401, "old password", f"answered {old.status_code}")
    person = Person(person.target, person.login_id, new, "viewer")
    out = person.log_in()
    with world.anonymous(headers={**OURS, "Origin": world.product.url}, cookies=dict(out.cookies)) as client:
        client.post("/v1/auth/logout")
    check.that(me(world, out.json()["access_token"]) == 401, "log-out", "the access token lives on")
    check.that(refresh(world, cookie_of(out)).status_code == 401, "log-out", "the refresh token lives on")
    fixed = person.log_in().cookies.get("__Host-kikubari_refresh")
    check.that(fixed != out.cookies.get("__Host-kikubari_refresh"), "log-in", "gives the same token again")
    inside = person.log_in()
    found = next(user for user in owner.all("/v1/users?limit=100") if user["login_id"] == person.login_id)
    owner.call("PATCH", f"/v1/users/{found['id']}", {"disabled": True}, headers={"If-Match": f'"{found["version"]}"'})
    check.that(me(world, inside.json()["access_token"]) == 401, "disabled", "goes on to work")
    check.that(refresh(world, cookie_of(inside)).status_code == 401, "disabled", "can refresh")
    # Nor by any other way in: the password, and a link for who forgot it.
    with world.anonymous() as client:
        again = client.post("/v1/auth/login", json={"login_id": person.login_id, "password": person.password})
        check.that(again.status_code == 401, "disabled", f"logs in again: {again.status_code}")
        client.post("/v1/auth/reset-requests", json={"login": person.login_id})
    time.sleep(1)  # The link is made behind the answer.
    links = world.sql(f"SELECT count(*) FROM user_link l JOIN user_account u ON (u.tenant_id, u.id) = (l.tenant_id, l.user_id) WHERE u.login_id = '{person.login_id}'")
    check.that(links == "0", "disabled", "gets a link for a new password")
