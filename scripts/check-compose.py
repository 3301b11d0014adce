"""Holds docker-compose.yml to what docs/operations.md promises of it."""

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
compose = yaml.safe_load((ROOT / sys.argv[1]).read_text())
services = compose["services"]
problems = []


def expect(condition, message):
    if not condition:
        problems.append(message)


expect(
    set(services) == {"caddy", "migrate", "api", "operator", "mailer", "postgres", "postfix", "backup"},
    f"unexpected set of services: {sorted(services)}",
)
# The one that has to start as root, and why, stands in its Dockerfile.
ROOT_ALLOWED = {"postfix"}

for name, service in services.items():
    expect(service.get("read_only") is True, f"{name}: not read-only")
    expect(service.get("cap_drop") == ["ALL"], f"{name}: keeps capabilities")
    expect("no-new-privileges:true" in service.get("security_opt", []), f"{name}: may gain privileges")
    expect(not service.get("privileged"), f"{name}: privileged")
    published = sorted(str(port).split(":")[0] for port in service.get("ports", []))
    expect(published == (["443", "80"] if name == "caddy" else []), f"{name}: publishes {published}")
    expect(
        set(service.get("networks", [])) <= set(compose["networks"]),
        f"{name}: unknown network",
    )
    for volume in service.get("volumes", []):
        source = volume.rsplit(":", 2)[0] if volume.count(":") > 1 else volume.split(":")[0]
        if re.match(r"^[a-z]", source):
            expect(source in compose["volumes"], f"{name}: unknown volume {source}")
        elif source.startswith("./deploy"):
            expect((ROOT / source).exists(), f"{name}: {source} does not exist")
    for other in service.get("depends_on", {}):
        expect(other in services, f"{name}: depends on unknown {other}")
    if "build" in service:
        dockerfile = ROOT / service["build"]["dockerfile"]
        expect(dockerfile.exists(), f"{name}: {dockerfile} does not exist")
        text = dockerfile.read_text()
        last_stage = text[text.rindex("\nFROM ") :]
        user = re.findall(r"^USER (\S+)", last_stage, re.M)
        expect(user or name in ROOT_ALLOWED, f"{name}: its image runs as root")
        healthy = "HEALTHCHECK" in last_stage or "healthcheck" in service
        # Files that are copied have to be there.
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
            for source in line.split()[:-1]:
                expect((ROOT / source).exists(), f"{name}: COPY {source}: no such file")
    else:
        expect("user" in service, f"{name}: its image runs as root")
        healthy = "healthcheck" in service
    expect(healthy, f"{name}: no health check")

# Tenants name their relays: of the inside, the relay alone.
for name in ("api", "mailer"):
    inside = services[name]["environment"].get("KIKUBARI_RELAY_INSIDE")
    expect(inside == "postfix:25", f"{name}: routes may lead to {inside} on the inside network")

# Every variable that the file asks for is listed for the one who fills it in.
asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / sys.argv[1]).read_text()))
listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / "deploy/env.example").read_text(), re.M))
expect(asked - listed <= {"KIKUBARI_LOG"}, f"missing in deploy/env.example: {sorted(asked - listed)}")
expect(listed <= asked, f"in deploy/env.example but unused: {sorted(listed - asked)}")

for problem in problems:
    print(f"docker-compose.yml: {problem}", file=sys.stderr)
sys.exit(1 if problems else 0)
