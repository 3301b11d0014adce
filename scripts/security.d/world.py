"""The installation under attack: two companies, people of each role, things in them."""

import os
import re
import secrets
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
from core import CannotRun
from document import SOME_UUID, Operation
from leaked import unlisted

AGENT = "kikubari-security"
# Set-Cookie lines of every answer of the run, whoever asked: (where, line).
COOKIE_LINES: list[tuple[str, str]] = []
# What must be found in no dump and no log: (what it is, the secret).
KNOWN_SECRETS: list[tuple[str, str]] = []
# Lines that nobody used for so long are given up. Servers wait five seconds and more: it must not be they who give up a
# line on which a request is under way.
LIMITS = httpx.Limits(keepalive_expiry=2)


def masked(text: str) -> str:
    """For an output that is kept: without the secrets of this run."""
    for what, secret in sorted(set(KNOWN_SECRETS), key=lambda known: -len(known[1])):
        if len(secret) >= 8:
            text = text.replace(secret, f"‹{what}›")
    # Those that nobody noted down: tokens and log-ins to the database.
    text = re.sub(r"eyJ[\w-]{10,}\.[\w-]+(\.[\w-]+)?", "‹token›", text)
    return re.sub(r"(postgres(?:ql)?://[^:/@\s]*:)[^@\s]+@", r"\1‹password›@", text)


# RFC 6761: every name below localhost is this machine. Browsers know, the C library asks a name server.
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **options: look_up("127.0.0.1" if str(host).endswith(".localhost") else host, *more, **options)


def needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise CannotRun(f"{name} is not set: run it by scripts/security")
    return value


def note_cookies(answer: httpx.Response) -> None:
    for name, value in answer.headers.multi_items():
        if name.lower() == "set-cookie":
            COOKIE_LINES.append((f"{answer.request.method} {answer.request.url.path}", value))


@dataclass
class Target:
    """Something to attack: the product, or the canary app."""

    url: str
    verify: ssl.SSLContext | bool = True

    @property
    def host(self) -> str:
        return httpx.URL(self.url).netloc.decode()

    def client(self, token: str | None = None, **options) -> httpx.Client:
        headers = {"User-Agent": AGENT, **options.pop("headers", {})}
        if address := options.pop("local_address", None):
            options["transport"] = httpx.HTTPTransport(verify=self.verify, local_address=address, limits=LIMITS)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.Client(
            base_url=self.url,
            verify=self.verify,
            headers=headers,
            # Who hangs is found after two minutes as well, and who is only slow is not.
            timeout=options.pop("timeout", 120),
            limits=LIMITS,
            follow_redirects=False,
            trust_env=False,
            event_hooks={"response": [note_cookies]},
            **options,
        )


@dataclass
class Person:
    """Somebody who is logged in; the access token is renewed before it ends."""

    target: Target
    login_id: str
    password: str
    role: str
    token: str = ""
    until: float = 0
    # Two lanes may find at a time that the token ends.
    renewing: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def log_in(self) -> httpx.Response:
        with self.target.client() as client:
            answer = client.post("/v1/auth/login", json={"login_id": self.login_id, "password": self.password})
        if answer.status_code != 200:
            raise CannotRun(f"log-in of {self.login_id}: {answer.status_code} {answer.text[:300]}")
        return answer

    def bearer(self) -> str:
        with self.renewing:
            begin = time.monotonic()
            if begin > self.until:
                answer = self.log_in()
                self.token = answer.json()["access_token"]
                self.until = begin + answer.json()["expires_in"] - 120
                KNOWN_SECRETS.append((f"access token of {self.login_id}", self.token))
                for cookie in answer.cookies.jar:
                    KNOWN_SECRETS.append((f"refresh token of {self.login_id}", cookie.value or ""))
            return self.token

    def fresh(self) -> str:
        """A token with its whole life before it."""
        with self.renewing:
            self.until = 0
            return self.bearer()

    @cached_property
    def client(self) -> httpx.Client:
        client = self.target.client()

        def authorise(request: httpx.Request) -> None:
            request.headers.setdefault("Authorization", f"Bearer {self.bearer()}")

        client.event_hooks = {"request": [authorise], "response": [note_cookies]}
        return client

    def call(self, method: str, path: str, json=None, expect: tuple[int, ...] = (200, 201, 202, 204), **options):
        """One call of which nothing but success is expected."""
        answer = self.client.request(method, path, json=json, **options)
        if answer.status_code == 403 and "step_up_required" in answer.text and path != "/v1/auth/step-up":
            self.call("POST", "/v1/auth/step-up", {"password": self.password})
            answer = self.client.request(method, path, json=json, **options)
        if answer.status_code not in expect:
            raise CannotRun(f"{method} {path}: {answer.status_code} {answer.text[:400]}")
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer

    def change_password(self, new: str) -> None:
        """Other sessions end by it, this one goes on."""
        self.call("POST", "/v1/auth/password", {"current_password": self.password, "new_password": new})
        self.password = new

    def all(self, path: str) -> list[dict]:
        return self.call("GET", path).get("items", [])


@dataclass
class World:
    level: str
    product: Target
    direct: Target
    canary: Target
    console: Target
    console_direct: Target
    a: dict[str, Person] = field(default_factory=dict)
    b: dict[str, Person] = field(default_factory=dict)
    # Of a third company, for the items of the second lane: even a log-in changes a person's row, which others look at.
    aside: Person | None = None
    work: Path = field(default_factory=lambda: Path("/tmp"))
    guessing: threading.RLock = field(default_factory=threading.RLock)

    @property
    def owner(self) -> Person:
        return self.a["owner"]

    @property
    def other(self) -> Person:
        return self.b["owner"]

    def anonymous(self, **options) -> httpx.Client:
        return self.product.client(**options)

    @cached_property
    def host(self) -> str:
        return self.product.host

    def sql(self, statement: str) -> str:
        """As the owner of the database, to make time pass or to look behind."""
        psql = needed("KIKUBARI_SECURITY_PSQL")
        done = subprocess.run(
            [psql, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", needed("KIKUBARI_MIGRATION_DATABASE_URL"), "-c", statement],
            capture_output=True, text=True, timeout=300, check=False,
        )
        if done.returncode != 0:
            raise CannotRun(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def forget_guesses(self) -> None:
        """As after a day: what one item guessed slows the next one down no more."""
        # Each log-in locks several rows, in an order that a DELETE does not keep: without the table they would wait for each other in a circle.
        self.sql("LOCK TABLE login_throttle IN EXCLUSIVE MODE; DELETE FROM login_throttle")

    @cached_property
    def ids_of_b(self) -> dict[str, str]:
        return ids(self.other)

    @cached_property
    def ids_of_a(self) -> dict[str, str]:
        return ids(self.owner)

    @cached_property
    def ids_of_aside(self) -> dict[str, str]:
        return ids(self.aside)


def new_password() -> str:
    word = unlisted(lambda: "Sec-" + secrets.token_urlsafe(18))
    KNOWN_SECRETS.append(("password", word))
    return word


def create_tenant(target: Target, name: str) -> Person:
    login_id = f"owner-{secrets.token_hex(5)}"
    made = subprocess.run(
        [f"{needed('KIKUBARI_BIN')}/kikubari", "tenant", "create", "--name", name, "--login-id", login_id,
         "--email", f"{login_id}@example.jp"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    for line in made.stdout.splitlines():
        if line.startswith("password: "):
            password = line.removeprefix("password: ").strip()
            KNOWN_SECRETS.append(("first password", password))
            owner = Person(target, login_id, password, "owner")
            owner.change_password(new_password())  # The printed one is good for nothing else.
            return owner
    raise CannotRun(f"the tenant could not be made: {made.stderr[-400:]}")


def given_password(owner: Person, role: str) -> Person:
    """Somebody new, whose password was made up by the owner: nothing but changing it is allowed."""
    login_id, password = f"{role}-{secrets.token_hex(5)}", new_password()
    body = {"login_id": login_id, "display_name": role, "email": f"{login_id}@example.jp", "role": role, "password": password}
    owner.call("POST", "/v1/users", body)
    return Person(owner.target, login_id, password, role)


def add_person(owner: Person, role: str) -> Person:
    """Somebody new with a password of their own."""
    person = given_password(owner, role)
    person.change_password(new_password())
    return person


def furnish(person: Person, name: str) -> None:
    """One of each thing that an id can be guessed of."""
    call = person.call
    mail = call("POST", "/v1/mails", {"name": name, "subject": name, "text": "{{ name }}", "text_mode": "manual"})
    listed = call("POST", "/v1/lists", {"name": name})
    call("POST", "/v1/folders", {"kind": "mail", "name": name})
    call("POST", "/v1/templates", {"name": name, "subject": name, "text": "x"})
    call("POST", "/v1/blocks", {"key": f"k{secrets.token_hex(4)}", "name": name, "text": name})
    call("POST", "/v1/contact-fields", {"key": f"f{secrets.token_hex(4)}", "label": name, "type": "text"})
    birthday = f"d{secrets.token_hex(4)}"
    call("POST", "/v1/contact-fields", {"key": birthday, "label": "誕生日", "type": "date"})
    contact = call("POST", "/v1/contacts", {"email": f"{secrets.token_hex(6)}@example.jp", "name": name, "list_ids": [listed["id"]]})
    call("POST", f"/v1/contacts/{contact['id']}/consents", {"kind": "given", "source": name})
    call("POST", "/v1/suppressions", {"kind": "address", "value": f"{secrets.token_hex(6)}@example.jp", "note": name})
    relay_password = new_password()
    call("POST", "/v1/routes", {"name": name, "kind": "relay", "host": "127.0.0.1", "port": 9, "security": "none", "enabled": False})
    call("POST", "/v1/routes", {"name": f"{name} 2", "kind": "relay", "host": "relay.example.jp", "port": 465, "security": "tls",
                                "auth": "plain", "username": "u", "password": relay_password, "enabled": False})  # fmt: skip
    call("POST", "/v1/sender-domains", {"domain": f"{secrets.token_hex(6)}.example.jp"})
    call("POST", "/v1/send-limits", {"site": f"{secrets.token_hex(5)}.example.jp", "per_minute": 60})
    call("POST", "/v1/campaigns", {"name": name, "mail_id": mail["id"], "audience": {"list_ids": [listed["id"]]}})
    rule = {"name": name, "mail_id": mail["id"], "field": birthday, "offset_days": 0, "repeat": "yearly", "send_at": "09:00",
            "time_zone": "Asia/Tokyo", "audience": {"list_ids": [listed["id"]]}}  # fmt: skip
    call("POST", "/v1/date-mails", rule)
    call("POST", "/v1/sequences", {"name": name, "time_zone": "Asia/Tokyo", "entry": {"kind": "list", "list_id": listed["id"]}, "steps": []})
    confirm = call("POST", "/v1/mails", {"name": name, "subject": "s", "text": "{{ confirm_url }}", "text_mode": "manual"})
    call("POST", "/v1/signup-addresses", {"name": name, "mail_id": confirm["id"], "list_ids": [listed["id"]], "enabled": False})
    call("POST", "/v1/roles", {"name": name, "permissions": ["contacts.read"]})
    made = call("POST", "/v1/api-tokens", {"name": name, "scopes": ["contacts.read"]})
    KNOWN_SECRETS.append(("secret of an API token", made["client_secret"]))
    made = call("POST", "/v1/webhooks", {"url": "https://hooks.example.jp/", "description": name, "events": ["list.subscribed"], "enabled": False})
    KNOWN_SECRETS.append(("webhook secret", made["secret"]))
    call("POST", "/v1/erasures", {"address": f"{secrets.token_hex(6)}@example.jp", "keep_blocked": False})
    call("POST", "/v1/exports", {"encoding": "utf-8-bom", "columns": ["email", "name"]})
    upload = person.client.post("/v1/imports", params={"filename": "a.csv"}, content=b"email\r\na@example.jp\r\n",
                                headers={"Content-Type": "application/octet-stream"})  # fmt: skip
    if upload.status_code >= 300:
        raise CannotRun(f"upload: {upload.status_code} {upload.text[:300]}")


# Which collection a path segment's id comes from.
COLLECTIONS = [
    "api-tokens", "audit-entries", "blocks", "campaigns", "contact-fields", "contacts", "date-mails", "erasures", "exports", "folders", "imports", "jobs", "lists",
    "mails", "roles", "routes", "send-limits", "sender-domains", "sequences", "sessions", "signup-addresses", "suppressions",
    "templates", "users", "transactional-sends", "webhooks",
]  # fmt: skip


def ids(person: Person) -> dict[str, str]:
    """Collection → an id in it, of those that are the person's own company's."""
    found = {}
    for name in COLLECTIONS:
        path = "/v1/folders?kind=mail" if name == "folders" else f"/v1/{name}"
        own = [thing for thing in person.all(path) if not thing.get("supplied") and not thing.get("builtin")]
        if own:
            found[name] = own[0]["id"]
    if campaign := next((c for c in person.all("/v1/campaigns") if c.get("state") == "finished"), None):
        deliveries = person.all(f"/v1/campaigns/{campaign['id']}/deliveries")
        found["deliveries"] = deliveries[0]["id"] if deliveries else SOME_UUID
    return found


def filled(operation: Operation, known: dict[str, str]) -> str:
    """The operation's path with ids of things that are there."""
    parts = operation.path.strip("/").split("/")
    values = {}
    for before, part in zip(parts, parts[1:], strict=False):
        match part:
            case "{id}":
                values["id"] = known.get(before, SOME_UUID)
            case "{list_id}":
                values["list_id"] = known.get("lists", SOME_UUID)
            case "{contact_id}":
                values["contact_id"] = known.get("contacts", SOME_UUID)
    return operation.at(values)


# A slow machine that does other things as well gets so many times the time; what never comes is missed all the same.
PATIENCE = 3


def until(condition, seconds: float, what: str):
    """Waits for something that the installation does by itself."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline
        if result := condition():
            return result
        if late:
            break
        time.sleep(0.2)
    raise CannotRun(f"{what}: not within {seconds:.0f} s")


def create(level: str, canary_url: str, work: Path) -> World:
    context = ssl.create_default_context(cafile=needed("KIKUBARI_E2E_CA"))
    product = Target(needed("KIKUBARI_PUBLIC_URL"), context)
    world = World(level, product, Target(f"http://{needed('KIKUBARI_E2E_API')}"), Target(canary_url),
                  Target(needed("KIKUBARI_OPERATOR_URL"), context), Target(f"http://{needed('KIKUBARI_OPERATOR_LISTEN')}"), work=work)  # fmt: skip
    owner = Person(product, needed("KIKUBARI_E2E_LOGIN_ID"), needed("KIKUBARI_E2E_PASSWORD"), "owner")
    KNOWN_SECRETS.append(("demo password", owner.password))
    world.a = {"owner": owner, **{role: add_person(owner, role) for role in ("editor", "viewer")}}
    other = create_tenant(product, "隣の会社 Tenant-B-marker")
    world.b = {"owner": other, "viewer": add_person(other, "viewer")}
    furnish(owner, "自社のもの")
    furnish(other, "Tenant-B-marker")
    world.aside = create_tenant(product, "脇の会社")
    furnish(world.aside, "脇のもの")
    return world


