"""API tokens: scopes hold, addresses hold, an end is an end, a secret is shown once."""

import httpx
from core import Check, item
from world import KNOWN_SECRETS, World

# Of the range for documentation, written by the trusted proxy that this machine is to the api.
OFFICE, ELSEWHERE = "203.0.113.140", "203.0.113.141"


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        answer = client.get("/me", headers={"Authorization": "Bearer a.e30.c"})
        check.that(answer.status_code == 401, "canary", "believes any token")


def make(world: World, **more) -> tuple[dict, str]:
    made = world.owner.call("POST", "/v1/api-tokens", {"name": "attack", "scopes": ["contacts.read"], **more})
    KNOWN_SECRETS.append(("secret of an API token", made["client_secret"]))
    return made["token"], made["client_secret"]


def exchange(client: httpx.Client, token: dict, secret: str, ip: str | None = None, **more) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": token["client_id"], "client_secret": secret, **more}
    return client.post("/v1/auth/token", data=form, headers={"X-Forwarded-For": ip} if ip else {})


@item("api-tokens", "scopes and networks hold, a revoked token ends at once, secrets are shown once", canary)
def attack(world: World, check: Check) -> None:
    scopes(world, check)
    networks(world, check)
    rotated(world, check)


def scopes(world: World, check: Check) -> None:
    owner = world.owner
    token, secret = make(world)
    check.that(secret not in owner.client.get(f"/v1/api-tokens/{token['id']}").text, "secret", "is shown again")
    with world.anonymous() as client:
        wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
        check.that(exchange(client, token, wrong).status_code == 401, "wrong secret", "is taken")
        for wider in ("contacts.read contacts.write", "users.write", "*", "contacts.read\ncontacts.write"):
            check.that(exchange(client, token, secret, scope=wider).status_code == 400, f"scope {wider!r}", "is given")
        good = exchange(client, token, secret)
    if not check.that(good.status_code == 200, "right secret", f"answered {good.status_code}: {good.text[:200]}"):
        return
    with world.product.client(good.json()["access_token"]) as client:
        check.that(client.get("/v1/contacts").status_code == 200, "in scope", "is refused")
        refused = [
            ("POST", "/v1/contacts", {"email": "program@example.jp"}), ("GET", "/v1/users", None), ("GET", "/v1/mails", None), ("GET", "/v1/me", None),
            ("POST", "/v1/exports", {"encoding": "utf-8-bom", "columns": ["email"]}), ("POST", "/v1/api-tokens", {"name": "x", "scopes": ["contacts.read"]}),
            ("PATCH", "/v1/tenant", {"name": "x"}), ("POST", "/v1/auth/step-up", {"password": "x"}), ("GET", "/v1/audit-entries", None),
            ("POST", "/v1/webhooks", {"url": "https://example.com/", "events": ["contact.created"]}), ("GET", "/v1/sessions", None),
        ]  # fmt: skip
        for method, path, body in refused:
            answer = client.request(method, path, json=body, headers={"If-Match": '"1"'})
            check.that(answer.status_code == 403, f"{method} {path} out of scope", f"answered {answer.status_code}: {answer.text[:150]}")
        owner.call("POST", f"/v1/api-tokens/{token['id']}/revoke")
        check.that(client.get("/v1/contacts").status_code == 401, "revoked", "its access token goes on to work")
    with world.anonymous() as client:
        check.that(exchange(client, token, secret).status_code == 401, "revoked", "its secret goes on to work")


def networks(world: World, check: Check) -> None:
    """A secret that was carried out of the office, and an access token too."""
    token, secret = make(world, allowed_ips=[f"{OFFICE}/32"])
    with world.direct.client() as client:
        check.that(exchange(client, token, secret, ELSEWHERE).status_code == 401, "secret from elsewhere", "is taken")
        good = exchange(client, token, secret, OFFICE)
        if not check.that(good.status_code == 200, "secret from the office", f"answered {good.status_code}: {good.text[:200]}"):
            return
        bearer = {"Authorization": f"Bearer {good.json()['access_token']}"}
        for ip, expected in ((OFFICE, 200), (ELSEWHERE, 401)):
            status = client.get("/v1/contacts", headers={**bearer, "X-Forwarded-For": ip}).status_code
            check.that(status == expected, f"access token from {ip}", f"answered {status}")
    with world.anonymous() as client:
        forged = client.get("/v1/contacts", headers={**bearer, "X-Forwarded-For": OFFICE})
        check.that(forged.status_code == 401, "forged address through the door", f"answered {forged.status_code}")


def rotated(world: World, check: Check) -> None:
    """Replaced without an overlap: what the old secret gave is over."""
    token, old = make(world)
    with world.anonymous() as client:
        good = exchange(client, token, old)
        new = world.owner.call("POST", f"/v1/api-tokens/{token['id']}/rotate", {"overlap_days": 0})["client_secret"]
        KNOWN_SECRETS.append(("secret of an API token", new))
        check.that(exchange(client, token, old).status_code == 401, "old secret", "goes on to work")
        check.that(exchange(client, token, new).status_code == 200, "new secret", "is refused")
        bearer = {"Authorization": f"Bearer {good.json().get('access_token', '')}"}
        status = client.get("/v1/contacts", headers=bearer).status_code
        check.that(good.status_code == 200 and status == 401, "access token of the old secret", f"answered {status}")
