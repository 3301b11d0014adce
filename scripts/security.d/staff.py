"""Staff of the operator's console: made by the command line, logged in by two steps, and what they look at under a company's grant."""

import re
import secrets
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256

import httpx
from core import CannotRun
from document import CONSOLE, SOME_UUID, Operation, operations
from factors import code
from world import KNOWN_SECRETS, Person, World, needed, new_password

COOKIE = "__Host-kikubari_operator"
ALL = ("contacts.read", "mails.read", "campaigns.read", "reports.read", "settings.read")
VIEWS = "/v1/support/{tenant}/{support}"
OURS = {"X-Kikubari-Client": "web"}
# Requests of one log-in, of which the console takes 600 a minute.
MOST = 500


def console_operations() -> tuple[Operation, ...]:
    return operations(CONSOLE)


def views() -> list[Operation]:
    return [o for o in console_operations() if o.path.startswith(VIEWS)]


def guarded() -> list[Operation]:
    """What asks who it is."""
    return [o for o in console_operations() if o.path.startswith("/v1/") and not o.public and not o.by_cookie]


def command_line(*words: str) -> str:
    done = subprocess.run([f"{needed('KIKUBARI_BIN')}/kikubari", "operator", *words], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise CannotRun(f"kikubari operator {words[0]}: {done.stderr[-400:]}")
    found = re.search(r"^one_time_password: (\S+)$", done.stdout, re.M)
    if found:
        KNOWN_SECRETS.append(("one-time password of staff", found[1]))
    return found[1] if found else ""


@dataclass(eq=False)
class Staff(Person):
    world: World | None = None
    seed: str = ""
    asked: int = 0
    # Company and grant that they look under, and the paths' beginning.
    grant: tuple[str, str] | None = None
    base: str = ""

    def first_step(self, password: str | None = None) -> httpx.Response:
        with self.target.client() as client:
            return client.post("/v1/auth/login", json={"login_id": self.login_id, "password": password or self.password})

    def second_step(self, ticket: str, digits: str, **more) -> httpx.Response:
        with self.target.client() as client:
            return client.post("/v1/auth/code", json={"ticket": ticket, "code": digits, **more})

    def forget_code(self) -> None:
        """As half an hour later: the code that the app shows now was not used yet."""
        self.world.sql(f"UPDATE operator_account SET factor_step = factor_step - 60 WHERE login_id = '{self.login_id}'")

    def log_in(self) -> httpx.Response:
        self.forget_code()
        first = self.first_step()
        if first.status_code != 200:
            raise CannotRun(f"first step of {self.login_id}: {first.status_code} {first.text[:300]}")
        ticket = first.json()["ticket"]
        KNOWN_SECRETS.append(("ticket of staff", ticket))
        answer = self.second_step(ticket, code(self.seed, time.time()))
        if answer.status_code != 200:
            raise CannotRun(f"second step of {self.login_id}: {answer.status_code} {answer.text[:300]}")
        return answer

    def bearer(self) -> str:
        if time.monotonic() > self.until:
            super().bearer()
            self.asked = 0
            if self.grant:
                self.look_under(*self.grant)
        return self.token

    def look_under(self, tenant: str, grant: str) -> str:
        """Opens a support session, of this log-in; again after each log-in."""
        self.grant = (tenant, grant)
        made = self.call("POST", f"/v1/tenants/{tenant}/support-sessions", {"grant_id": grant})
        self.base = f"/v1/support/{tenant}/{made['id']}"
        return self.base

    def path(self, operation: Operation, known: dict[str, str]) -> str:
        """The operation's path, with ids of things that are there. Ask it right before the request: log-ins end."""
        self.asked += 1
        if self.asked > MOST or time.monotonic() > self.until - 5:
            self.until = 0
            self.bearer()
        return filled(operation, known, self.base)


def filled(operation: Operation, known: dict[str, str], base: str = f"/v1/support/{SOME_UUID}/{SOME_UUID}", odd: dict[str, str] | None = None) -> str:
    """The operation's path with ids of things that are there; `base`: company and support session of a look, `odd`: values by their names."""
    inside = operation.path.removeprefix(VIEWS)
    parts = inside.split("/")
    values = [(odd or {}).get(part.strip("{}"), known.get(before, SOME_UUID)) if part.startswith("{") else part for before, part in zip(["", *parts], parts, strict=False)]
    return ("" if inside == operation.path else base) + "/".join(values)


def set_up(world: World, login_id: str, one_time: str) -> tuple[Staff, httpx.Response]:
    """The first log-in: app and password of one's own."""
    staff = Staff(world.console, login_id, one_time, "staff", world=world)
    first = staff.first_step()
    if first.status_code != 200 or first.json().get("step") != "setup":
        raise CannotRun(f"the first log-in of {login_id}: {first.status_code} {first.text[:300]}")
    staff.seed, staff.password = first.json()["secret"], new_password()
    KNOWN_SECRETS.append(("seed of staff", staff.seed))
    done = staff.second_step(first.json()["ticket"], code(staff.seed, time.time()), new_password=staff.password)
    if done.status_code != 200:
        raise CannotRun(f"the set-up of {login_id}: {done.status_code} {done.text[:300]}")
    return staff, done


def add_staff(world: World, name: str = "山田 太郎") -> Staff:
    login_id = f"staff-{secrets.token_hex(5)}"
    return set_up(world, login_id, command_line("add", "--login-id", login_id, "--name", name))[0]


def tenant_of(owner: Person) -> str:
    return owner.call("GET", "/v1/tenant")["id"]


def give(owner: Person, permissions: tuple[str, ...] = ALL, reason: str = "お問い合わせ 4711") -> str:
    """A company's grant: its id."""
    return owner.call("POST", "/v1/support-grants", {"reason": reason, "permissions": list(permissions), "hours": 1})["id"]


def forget_guesses_of(world: World, login_id: str) -> None:
    """Of one login id at the console (see session/throttle.rs), and nobody else's."""
    ip = "127.0.0.1"
    keys = [sha256(f"staff {name}".encode()).hexdigest() for name in (f"pair {ip} {login_id}", f"account {login_id}", f"address {ip}")]
    # The table first, as in World.forget_guesses.
    world.sql("LOCK TABLE login_throttle IN EXCLUSIVE MODE; DELETE FROM login_throttle WHERE encode(key, 'hex') IN ('" + "', '".join(keys) + "')")
