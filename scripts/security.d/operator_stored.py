"""Stored payloads at the operator's: what companies write about themselves, opened by staff in a real browser (frontend/e2e/console.attack.ts)."""

import secrets

from core import Check, item
from hostile import PAYLOADS, SHOWN, browse
from staff import add_staff, give, tenant_of
from world import Person, World, create_tenant, needed, new_password, until

NAME = f"{SHOWN} 4711"


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        for payload in PAYLOADS[:3]:
            client.post("/stored", data={"text": payload})
    _, found = browse(world, {"canary": f"{world.canary.url}/stored"}, "console")
    for one in found:
        check.that(False, "canary", one)
    if not any("dialog" in one for one in found) or not any("element" in one for one in found):
        check.findings.clear()  # Both ways of looking have to find it.


def plant(owner: Person) -> None:
    """Everything that the looks of support show, with payloads where text is taken."""
    call, tag = owner.call, secrets.token_hex(4)
    field = f"x{tag}"
    call("POST", "/v1/contact-fields", {"key": field, "label": SHOWN, "type": "text"})
    listed = call("POST", "/v1/lists", {"name": NAME, "description": PAYLOADS[0]})
    for n, payload in enumerate((SHOWN, *PAYLOADS[:3])):
        call("POST", "/v1/contacts", {"email": f"stored{n}.{tag}@example.jp", "name": payload, "fields": {field: payload}, "list_ids": [listed["id"]]})
    html = "<p>{{ name }}</p>" + "".join(PAYLOADS)
    mail = call("POST", "/v1/mails", {"name": NAME, "subject": SHOWN, "preheader": PAYLOADS[0], "html": html, "text": SHOWN, "text_mode": "manual"})
    call("POST", "/v1/suppressions", {"kind": "address", "value": f"{tag}@example.jp", "note": SHOWN})
    call("POST", "/v1/campaigns", {"name": NAME, "mail_id": mail["id"], "audience": {"list_ids": [listed["id"]]}})
    call("POST", "/v1/sequences", {"name": NAME, "time_zone": "Asia/Tokyo", "entry": {"kind": "list", "list_id": listed["id"]}, "steps": []})
    call("POST", "/v1/sender-domains", {"domain": f"{tag}.example.jp"})
    tenant = call("GET", "/v1/tenant")
    call("PATCH", "/v1/tenant", {"legal": {"sender_name": SHOWN, "postal_address": PAYLOADS[0], "contact": PAYLOADS[2]}}, headers={"If-Match": f'"{tenant["version"]}"'})


@item("operator.xss.stored", "names of companies, people and staff, reasons, contacts, mails with payloads, every screen of the console in Chromium", canary, aside=True)
def attack(world: World, check: Check) -> None:
    """Staff are insiders, but their names stand on pages of companies: those are opened too."""
    staff = add_staff(world, NAME)
    made = staff.call("POST", "/v1/tenants", {"name": NAME, "owner_login_id": f"o{secrets.token_hex(5)}", "owner_name": SHOWN, "owner_email": "o@example.jp"})
    owner = Person(world.product, made["owner_login_id"], made["owner_password"], "owner")
    owner.change_password(new_password())
    tenant = tenant_of(owner)
    plant(owner)
    give(owner, reason=SHOWN)
    gone = create_tenant(world.product, NAME)
    erased = tenant_of(gone)
    staff.call("POST", f"/v1/tenants/{erased}/suspend", {"reason": SHOWN})
    staff.call("POST", f"/v1/tenants/{erased}/erasure", {"confirm_name": NAME})
    # Of each table in a transaction of its own.
    until(lambda: staff.all(f"/v1/erasures?tenant_id={erased}")[0]["certificate"], 240, "the erasure")
    held = tenant_of(create_tenant(world.product, f"{NAME} held"))
    staff.call("POST", f"/v1/tenants/{held}/suspend", {"reason": SHOWN})
    staff.forget_code()  # For the log-in in the browser.
    planted = {"tenant": tenant, "held": held, "login_id": staff.login_id, "password": staff.password, "seed": staff.seed,
               "owner": owner.login_id, "owner_password": owner.password}  # fmt: skip
    looked, found = browse(world, {"planted": planted, "shown": SHOWN, "url": needed("KIKUBARI_OPERATOR_URL")}, "console")
    check.looked += looked
    check.that(looked >= 20, "screens", f"only {looked} were looked at")
    for one in found:
        check.that(False, "browser", one)
