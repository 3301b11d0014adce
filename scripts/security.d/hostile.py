"""Stored payloads: planted in every text field, in SMTP replies, bounces and user agents, then looked at in a real browser.

The browser's part is frontend/e2e/stored.attack.ts: every screen is opened;
no dialog, no report of the Content-Security-Policy, no element that a payload
made, and the text stands there as it was typed. The canary is a page that
shows what it stored as it came.
"""

import contextlib
import http.server
import json
import os
import re
import secrets
import smtplib
import subprocess
import threading
import time

from core import QUICK, ROOT, CannotRun, Check, item
from document import kind, leaves, operations, placed, sample
from holes import strict_mailer
from mail import failed, ready, send
from sink import Sink, open_sink
from world import KNOWN_SECRETS, Person, World, filled, needed, until

PAYLOADS = (
    "<script>alert(4711)</script>",
    "\"><img src=x onerror=alert(4711)>",
    "'><svg onload=alert(4711)>",
    "{{7*7}}<%=7*7%>${alert(4711)}",
    "'; SELECT pg_sleep(1);--",
    "\u202e</title><script>alert(4711)</script>\u202c",
    "javascript:alert(4711)//<a href=javascript:alert(4711)>x</a>",
    "<iframe srcdoc='<script>parent.alert(4711)</script>'></iframe>" + "長" * 60,
)
SHOWN = PAYLOADS[1]


def planted_contact(owner: Person, list_id: str, field: str, n: int, payload: str) -> dict:
    name = payload[:200]
    body = {"email": f"stored{n}.{field}@example.jp", "name": name, "fields": {field: payload}, "list_ids": [list_id]}
    answer = owner.client.post("/v1/contacts", json=body)
    if answer.status_code != 201:
        body |= {"name": payload.replace("\u202e", "").replace("\u202c", "")[:200]}
        answer = owner.client.post("/v1/contacts", json=body)
    return answer.json() if answer.status_code == 201 else {}


def plant_everywhere(world: World, check: Check) -> int:
    """Every string of every body that creates or changes something: one payload after the other, all others as they should be."""
    taken = 0
    for operation in operations():
        if not operation.body or operation.media != "application/json" or operation.method not in ("POST", "PUT", "PATCH"):
            continue
        if operation.path.startswith("/v1/auth/") or operation.id in ("send_campaign", "schedule_campaign", "update_user", "create_user", "purge_waiting", "update_me"):
            continue
        base = sample(operation.body)
        for path, schema in leaves(operation.body):
            if kind(schema) != "string" or schema.get("enum") or schema.get("format"):
                continue
            for payload in PAYLOADS[:3]:
                body = placed(base, path, payload[: schema.get("maxLength", 10_000)])
                answer = world.owner.client.request(operation.method, filled(operation, {}), json=body)
                check.that(answer.status_code < 500, f"{operation.id} {path}", f"answered {answer.status_code}")
                taken += answer.status_code < 300
    return taken


def plant_by_hand(owner: Person, sender: str, check: Check) -> dict:
    """The things that screens of their own show, with their addresses."""
    call, tag = owner.call, secrets.token_hex(4)
    field = f"x{tag}"
    call("POST", "/v1/contact-fields", {"key": field, "label": SHOWN, "type": "text"})
    listed = call("POST", "/v1/lists", {"name": f"{SHOWN} {tag}"[:100], "description": PAYLOADS[0]})
    contacts = [planted_contact(owner, listed["id"], field, n, payload) for n, payload in enumerate(PAYLOADS)]
    contact = next(c for c in contacts if c and c["name"] == SHOWN)
    folder = call("POST", "/v1/folders", {"kind": "mail", "name": f"{SHOWN} {tag}"[:100]})
    html = f"<p>{{{{ name }}}} {{{{ {field} }}}}</p>" + "".join(PAYLOADS) + '<a href="https://shop.example.jp/?q=%3Cscript%3E">x</a><p>配信停止をご希望の方は<a href="{{ cancel_url }}">こちら</a> {{ company_name }} {{ company_address }} {{ company_contact }}</p>'
    body = {"name": SHOWN, "folder_id": folder["id"], "subject": f"{SHOWN} {{{{ name }}}}", "preheader": PAYLOADS[0], "html": html, "text": f"{SHOWN} {{{{ {field} }}}} 配信停止をご希望の方: {{{{ cancel_url }}}} {{{{ company_name }}}} {{{{ company_address }}}} {{{{ company_contact }}}}",
            "text_mode": "manual", "sender_name": "\"><img src=x onerror=alert(4711)>"[:60], "sender_address": sender}  # fmt: skip
    mail = owner.client.post("/v1/mails", json=body)
    if mail.status_code != 201:
        body["sender_name"] = "<b>x</b>"
        mail = owner.client.post("/v1/mails", json=body)
    check.that(mail.status_code == 201, "mail", f"answered {mail.status_code}: {mail.text[:200]}")
    mail_id = mail.json()["id"]
    template = call("POST", "/v1/templates", {"name": SHOWN, "subject": SHOWN, "description": PAYLOADS[0], "html": html, "text": "x"})
    call("POST", "/v1/blocks", {"key": f"x{tag}", "name": SHOWN, "html": PAYLOADS[0], "text": SHOWN})
    call("POST", f"/v1/contacts/{contact['id']}/consents", {"kind": "given", "source": SHOWN, "wording": PAYLOADS[0]})
    call("POST", "/v1/suppressions", {"kind": "address", "value": f"{tag}@example.jp", "note": SHOWN})
    campaign = call("POST", "/v1/campaigns", {"name": SHOWN, "mail_id": mail_id, "audience": {"list_ids": [listed["id"]]}})
    confirm = call("POST", "/v1/mails", {"name": SHOWN, "subject": "s", "text": "{{ confirm_url }}", "text_mode": "manual"})
    signup = call("POST", "/v1/signup-addresses", {"name": SHOWN, "mail_id": confirm["id"], "list_ids": [listed["id"]], "enabled": False, "wording": PAYLOADS[0]})
    sequence = call("POST", "/v1/sequences", {"name": SHOWN, "time_zone": "Asia/Tokyo", "entry": {"kind": "list", "list_id": listed["id"]}, "steps": []})
    call("POST", "/v1/routes", {"name": SHOWN, "host": "relay.example.jp", "port": 25, "security": "none", "enabled": False})
    tenant = call("GET", "/v1/tenant")
    call("PATCH", "/v1/tenant", {"legal": {"sender_name": SHOWN, "postal_address": SHOWN, "contact": SHOWN}}, headers={"If-Match": f'"{tenant["version"]}"'})
    upload = owner.client.post("/v1/imports", params={"filename": "<img src=x onerror=alert(4711)>.csv"}, headers={"Content-Type": "application/octet-stream"},
                               content=f"email,{PAYLOADS[0]}\r\na@example.jp,{SHOWN.replace(chr(34), chr(34) * 2)}\r\n".encode())  # fmt: skip
    check.that(upload.status_code == 201, "upload", f"answered {upload.status_code}: {upload.text[:200]}")
    agent = owner.target.client(headers={"User-Agent": SHOWN}).post("/v1/auth/login", json={"login_id": owner.login_id, "password": owner.password})
    check.that(agent.status_code == 200, "log-in with a hostile agent", f"answered {agent.status_code}")
    return {"contact": contact["id"], "mail": mail_id, "template": template["id"], "campaign": campaign["id"], "list": listed["id"], "signup": signup["id"],
            "sequence": sequence["id"], "import": upload.json().get("id")}  # fmt: skip


def plant_for_administrators(owner: Person, planted: dict) -> dict:
    """Names and notes that the screens of the settings show, and what the audit trail keeps of them."""
    call, tag = owner.call, secrets.token_hex(4)
    call("POST", "/v1/auth/step-up", {"password": owner.password})
    call("POST", "/v1/users", {"login_id": f"stored-{tag}", "display_name": SHOWN, "email": f"stored-{tag}@example.jp", "role": "viewer"})
    call("POST", "/v1/roles", {"name": f"{SHOWN} {tag}", "permissions": ["contacts.read"]})
    # Named anew, so that the trail alone still has the payload.
    renamed = call("POST", "/v1/roles", {"name": f"{SHOWN} {tag} 2", "permissions": ["contacts.read"]})
    call("PATCH", f"/v1/roles/{renamed['id']}", {"name": f"renamed {tag}"}, headers={"If-Match": f'"{renamed["version"]}"'})
    audited = next(e for e in owner.all("/v1/audit-entries?action=role.updated") if e["subject_id"] == renamed["id"])
    token = call("POST", "/v1/api-tokens", {"name": f"{SHOWN} {tag}", "scopes": ["contacts.read"]})
    KNOWN_SECRETS.append(("secret of an API token", token["client_secret"]))
    call("POST", "/v1/support-grants", {"reason": SHOWN, "permissions": ["contacts.read"], "hours": 1})
    call("POST", "/v1/erasures", {"address": f"gone-{tag}@example.jp", "keep_blocked": False, "note": SHOWN})
    call("POST", "/v1/contact-fields", {"key": f"d{tag}", "label": SHOWN, "type": "date"})
    date_mail = call("POST", "/v1/date-mails", {"name": SHOWN, "mail_id": planted["mail"], "field": f"d{tag}", "offset_days": 0, "repeat": "yearly", "send_at": "09:00",
                                                "time_zone": "Asia/Tokyo", "audience": {"list_ids": [planted["list"]]}})  # fmt: skip
    call("POST", "/v1/exports", {"q": SHOWN, "columns": ["email", "name"], "encoding": "utf-8"})
    return {"audited": audited["id"], "date_mail": date_mail["id"]}


class HostileReceiver(http.server.BaseHTTPRequestHandler):
    """Of a webhook: refuses, and says why in payloads."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = "\n".join(PAYLOADS).encode()
        self.send_response(400)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def hostile_receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HostileReceiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def hostile_answer(world: World) -> dict:
    """A webhook whose receiver answers in payloads, which its log keeps."""
    owner = world.owner
    made = owner.call("POST", "/v1/webhooks", {"url": "https://hook.example.jp/", "description": "CRM", "events": ["contact.created"], "enabled": True})
    KNOWN_SECRETS.append(("webhook secret", made["secret"]))
    one = f"/v1/webhooks/{made['id']}"
    with hostile_receiver() as port, strict_mailer(world, KIKUBARI_EGRESS_INSIDE="127.0.0.0/8"):
        world.sql(f"UPDATE webhook SET url = 'http://127.0.0.1:{port}/' WHERE id = '{made['id']}'")
        message = owner.call("POST", f"{one}/test")["id"]
        until(lambda: any(t["answer"] for t in owner.call("GET", f"{one}/messages/{message}")["tries"]), 60, "the receiver's answer")
    return {"webhook": made["id"], "message": message}


def deliver(owner: Person, planted: dict, sink: Sink, check: Check) -> None:
    """The campaign goes out; the server's words are hostile, so is what comes back by bounce and by click."""
    for n, payload in enumerate(PAYLOADS[:3]):
        sink.answers[f"stored{n}."] = f"550 5.1.1 {payload}"
    for n, payload in enumerate(PAYLOADS[3:6], 3):
        sink.answers[f"stored{n}."] = f"250 2.0.0 {payload}"
    preflight = owner.call("GET", f"/v1/campaigns/{planted['campaign']}/preflight")
    people = preflight["people"]["will_receive"]
    sent = owner.client.post(f"/v1/campaigns/{planted['campaign']}/send", json={"confirmed_people": people})
    if not check.that(sent.status_code < 300, "campaign", f"could not be sent: {sent.text[:300]} {json.dumps(preflight, ensure_ascii=False)[:300]}"):
        return
    finished = ("finished", "completed", "sent")
    until(lambda: owner.call("GET", f"/v1/campaigns/{planted['campaign']}")["state"] in finished, 120, "the campaign to be sent")
    taken = [m for m in sink.mails if "stored" in m.recipients[0]]
    check.that(len(taken) >= 3, "campaign", f"only {len(taken)} mails arrived")
    agent = SHOWN.encode()
    for mail in taken:
        text = mail.data.decode("utf-8", "replace").replace("=\r\n", "").replace("=3D", "=")
        for link in sorted(set(re.findall(r"https://localhost:\d+/t/[co]/[\w.~-]+", text)))[:4]:
            owner.target.client(headers={"User-Agent": agent, "Referer": agent}).get(link)
    bounce(taken[-1].sender, check)


def bounce(sender: str, check: Check) -> None:
    """A delivery status notification whose every word is a payload (RFC 3464)."""
    path = re.search(r"<([^>]+)>", sender)
    if not path:
        raise CannotRun(f"no return path in {sender!r}")
    words = PAYLOADS[1]
    report = (
        f"From: {words} <mailer-daemon@example.com>\r\nTo: <{path[1]}>\r\nSubject: {words}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\nAuto-Submitted: auto-replied\r\n\r\n'
        f"--b\r\nContent-Type: text/html\r\n\r\n{''.join(PAYLOADS[:3])}\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; {words}\r\n\r\nFinal-Recipient: rfc822; {words}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 {words}\r\n\r\n--b--\r\n"
    )
    host, port = needed("KIKUBARI_INBOUND_LISTEN").split(":")
    with smtplib.SMTP(host, int(port), timeout=180) as server:
        refused = server.sendmail("", [path[1]], report.encode())
    check.that(not refused, "bounce", f"was refused: {refused}")


def browse(world: World, mode: dict, part: str = "stored") -> tuple[int, str]:
    """Opens screens in Chromium; (how many things were looked at, what was found)."""
    # Two browsers may run at a time, each with files of its own.
    folder = world.work / f"browser-{secrets.token_hex(4)}"
    folder.mkdir()
    file, out = folder / "attack.json", folder / "found.json"
    file.write_text(json.dumps({**mode, "out": str(out)}))
    command = ["npx", "playwright", "test", "--reporter=line", "--trace=off", f"--output={folder}/results", f"{part}.attack.ts"]
    environment = {**os.environ, "KIKUBARI_ATTACK": str(file), "NODE_EXTRA_CA_CERTS": needed("KIKUBARI_E2E_CA")}
    done = subprocess.run(command, cwd=ROOT / "frontend", env=environment, capture_output=True, text=True, timeout=900, check=False)
    if not out.exists() or done.returncode != 0:
        raise CannotRun(f"the browser's part: {done.stdout[-2500:]} {done.stderr[-500:]}")
    told = json.loads(out.read_text())
    return told["looked"], told["found"]


def canary(world: World, check: Check) -> None:
    with world.canary.client() as client:
        for payload in PAYLOADS[:3]:
            client.post("/stored", data={"text": payload})
    looked, found = browse(world, {"canary": f"{world.canary.url}/stored"})
    for one in found:
        check.that(False, "canary", one)
    if not any("dialog" in one for one in found) or not any("element" in one for one in found):
        check.findings.clear()  # Both ways of looking have to find it.


@item("xss.stored", "payloads stored everywhere, screens opened in Chromium (quick: those that show them): no dialog, no CSP report, literal text", canary)
def attack(world: World, check: Check) -> None:
    taken = plant_everywhere(world, check)
    check.note(f"{taken} things were made of payloads")
    check.that(taken > 20, "planting", f"only {taken} were taken")
    with open_sink() as sink:
        owner, sender = ready(world, sink)
        planted = plant_by_hand(owner, sender, check)
        deliver(owner, planted, sink, check)
        transactional(owner, planted, sink)
    planted |= plant_for_administrators(owner, planted) | hostile_answer(world)
    time.sleep(2)  # Opens and clicks are written in batches.
    # Quick: the screens that show what was planted. Whole: every screen that there is, with the payloads in its lists.
    looked, found = browse(world, {"planted": planted, "shown": SHOWN, "every": world.level != QUICK})
    check.looked += looked
    check.that(looked > (25 if world.level == QUICK else 70), "screens", f"only {looked} were looked at")
    for one in found:
        check.that(False, "browser", one)


def transactional(owner: Person, planted: dict, sink: Sink) -> None:
    sink.answers["hostile-tx"] = f"554 5.7.1 {SHOWN}"
    address = f"hostile-tx-{secrets.token_hex(3)}@example.jp"
    with contextlib.suppress(CannotRun):
        send(owner, planted["mail"], email=address, values={"name": SHOWN})
        until(lambda: failed(owner, address) or sink.to(address), 30, "the hostile answer")


