"""What the product is made of: licences, the bill of materials, known holes of dependencies."""

import base64
import json
import os
import re
import subprocess
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import advisories
from core import EVIDENCE, NIGHTLY, ROOT, CannotRun, Check, item

MAX_AGE = timedelta(days=7)


def cargo_packages() -> list[dict]:
    """Every Rust package of the programs that comes from outside, as cargo resolves it for Linux."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--all-features", "--filter-platform", "x86_64-unknown-linux-gnu"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise CannotRun(f"cargo metadata: {done.stderr[-400:]}")
    told = json.loads(done.stdout)
    resolved = {node["id"] for node in told["resolve"]["nodes"]}
    return [package for package in told["packages"] if package["id"] in resolved and package["source"]]


def npm_packages(production: bool = False) -> list[dict]:
    """Name, version, licence and integrity of what stands in the lock files of npm."""
    found = []
    for folder in ("frontend",) if production else ("frontend", "scripts/node"):
        lock = json.loads((ROOT / folder / "package-lock.json").read_text())
        for path, package in lock["packages"].items():
            if not path or package.get("link") or (production and package.get("dev")):
                continue
            found.append({"name": path.rsplit("node_modules/", 1)[1], "version": package["version"], "license": package.get("license") or told(ROOT / folder / path),
                          "integrity": package.get("integrity", ""), "where": folder, "dev": bool(package.get("dev"))})  # fmt: skip
    return found


def told(folder: Path) -> str | None:
    """The licence that an installed package names in the old way, which the lock file leaves out."""
    try:
        old = json.loads((folder / "package.json").read_text()).get("licenses")
    except OSError:
        return None
    return " OR ".join(one["type"] for one in old) if isinstance(old, list) and old else None


def allowed_licences() -> tuple[set[str], dict[str, set[str]]]:
    config = tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]
    return set(config["allow"]), {one["crate"]: set(one["allow"]) for one in config.get("exceptions", [])}


# Of npm alone, and only to build or test with: what is not in the SPA asks nothing of those who use it.
NPM_ALLOWED = {"BlueOak-1.0.0", "BSD-2-Clause", "CC0-1.0", "CC-BY-4.0", "MIT-0", "Python-2.0", "Unlicense", "Hippocratic-2.1"}
NPM_DEV_ALLOWED = {"MPL-2.0", "CC-BY-3.0", "WTFPL", "Artistic-2.0"}


def satisfied(expression: str | None, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met by allowed licences: OR one side, AND both."""
    if not expression:
        return False
    text = re.sub(r"\s+WITH\s+\S+", "", expression.replace("/", " OR ")).strip()
    if text.startswith("(") and text.endswith(")") and "(" not in text[1:-1]:
        text = text[1:-1]
    if "(" not in text:
        return any(all(part.strip() in allowed for part in re.split(r"\s+AND\s+", side)) for side in re.split(r"\s+OR\s+", text))
    inner = re.search(r"\(([^()]*)\)", text)
    name = "@yes" if inner and satisfied(inner.group(1), allowed) else "@no"
    return satisfied(text[: inner.start()] + name + text[inner.end() :], allowed | {"@yes"}) if inner else False


def licence_canary(world, check: Check) -> None:
    for expression in ("GPL-3.0-only", "MIT AND AGPL-3.0", None, "(GPL-2.0 OR SSPL-1.0) AND MIT"):
        check.that(satisfied(expression, {"MIT", "Apache-2.0"}), f"canary {expression}", "is not allowed")
    if not satisfied("(MIT OR GPL-3.0) AND Apache-2.0", {"MIT", "Apache-2.0"}) or len(check.findings) != 4:
        check.findings.clear()


@item("licences", "every Rust and npm package has a licence that is allowed", licence_canary)
def licences(world, check: Check) -> None:
    allowed, exceptions = allowed_licences()
    packages = cargo_packages()
    check.that(len(packages) > 200, "cargo", f"only {len(packages)} packages")
    for package in packages:
        fits = satisfied(package["license"], allowed | exceptions.get(package["name"], set())) or package["license_file"]
        check.that(bool(fits), f"{package['name']} {package['version']}", f"licence {package['license']}")
    for package in npm_packages():
        fits = allowed | NPM_ALLOWED | (NPM_DEV_ALLOWED if package["dev"] or package["where"] != "frontend" else set())
        check.that(satisfied(package["license"], fits), f"npm {package['name']} {package['version']} ({package['where']})", f"licence {package['license']}")


# --------------------------------------------------------------------- SBOM


def purl(kind: str, name: str, version: str) -> str:
    return f"pkg:{kind}/{name.replace('@', '%40')}@{version}"


def bill() -> dict:
    """CycloneDX 1.5 of what is delivered: the Rust packages of both programs, the npm packages of the pages."""
    checksums = {(p["name"], p["version"]): p.get("checksum", "") for p in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    components = []
    for package in cargo_packages():
        at = purl("cargo", package["name"], package["version"])
        components.append({"type": "library", "bom-ref": at, "purl": at, "name": package["name"], "version": package["version"],
                           "licenses": [{"expression": (package["license"] or "").replace("/", " OR ")}],
                           "hashes": [{"alg": "SHA-256", "content": checksums.get((package["name"], package["version"]), "")}]})  # fmt: skip
    for package in npm_packages(production=True):
        at = purl("npm", package["name"], package["version"])
        integrity = package["integrity"].removeprefix("sha512-")
        components.append({"type": "library", "bom-ref": at, "purl": at, "name": package["name"], "version": package["version"],
                           "licenses": [{"expression": package["license"]}],
                           "hashes": [{"alg": "SHA-512", "content": base64.b64decode(integrity).hex()}]})  # fmt: skip
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    product = {"type": "application", "name": "kikubari", "version": version, "bom-ref": "kikubari"}
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "component": product},
            "components": sorted({c["bom-ref"]: c for c in components}.values(), key=lambda c: c["bom-ref"])}  # fmt: skip


def complete(check: Check, name: str, document: dict, wanted: set[str]) -> None:
    have = {c["purl"] for c in document["components"]}
    check.that(not wanted - have, name, f"lacks {sorted(wanted - have)[:5]}")
    for component in document["components"]:
        where = f"{name}: {component['purl']}"
        check.that(bool(component["licenses"][0]["expression"]), where, "no licence")
        check.that(len(component["hashes"][0]["content"]) in (64, 128), where, "no checksum")


def bill_canary(world, check: Check) -> None:
    document = {"components": [{"purl": "pkg:cargo/a@1", "licenses": [{"expression": ""}], "hashes": [{"content": ""}]}]}
    complete(check, "canary", document, {"pkg:cargo/b@1"})


@item("sbom", "CycloneDX bill of materials: every delivered package with version, licence and checksum", bill_canary)
def sbom(world, check: Check) -> None:
    document = bill()
    (EVIDENCE / "sbom.cdx.json").write_text(json.dumps(document, indent=1) + "\n")
    # Against the lock files themselves, which are read in another way than the bill was made.
    frontend = json.loads((ROOT / "frontend/package-lock.json").read_text())["packages"]
    wanted = {purl("npm", p.rsplit("node_modules/", 1)[1], v["version"]) for p, v in frontend.items() if p and not v.get("dev") and not v.get("link")}
    tree = ["cargo", "tree", "--locked", "--workspace", "--all-features", "-e", "normal,build", "--target", "x86_64-unknown-linux-gnu", "--prefix", "none", "--format", "{p}"]
    done = subprocess.run(tree, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    lines = [line.split() for line in done.stdout.splitlines() if line and "(/" not in line]
    check.that(len(lines) > 200, "cargo tree", done.stderr[-300:])
    wanted |= {purl("cargo", parts[0], parts[1].removeprefix("v")) for parts in lines if len(parts) > 1}
    complete(check, "sbom", document, wanted)
    check.note(f"{len(document['components'])} components, in {(EVIDENCE / 'sbom.cdx.json').relative_to(ROOT) if EVIDENCE.is_relative_to(ROOT) else EVIDENCE}")


# --------------------------------------------------------------- advisories


def locked() -> list[tuple[str, str, str]]:
    """(ecosystem, name, version) of every package in every lock file."""
    cargo = [("crates.io", p["name"], p["version"]) for p in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"] if p.get("source")]
    npm = [("npm", p["name"], p["version"]) for p in npm_packages()]
    python = []
    for file in ("scripts/security.d/requirements.txt", "scripts/security.d/wapiti.txt", "scripts/requirements.txt"):
        python += [("PyPI", m[1], m[2]) for m in re.finditer(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / file).read_text(), re.M)]
    return cargo + npm + python


def judge(check: Check, name: str, folder: Path, packages: list[tuple[str, str, str]], now: datetime) -> None:
    age = advisories.age(folder, now)
    if age > MAX_AGE:
        raise CannotRun(f"the advisories in {folder} are {age.days} days old; more than {MAX_AGE.days} prove nothing. Fetch them: scripts/security.d/fetch_advisories")
    accepted = {one["id"]: one["why"] for one in json.loads((ROOT / "scripts/security.d/advisories.accepted.json").read_text())}
    for ecosystem in sorted({e for e, _, _ in packages}):
        known = advisories.load(folder, ecosystem)
        check.that(bool(known), f"{name}: {ecosystem}", "there is not one advisory: the data are not whole")
        for _, package, version in (p for p in packages if p[0] == ecosystem):
            check.looked += 1
            for one in advisories.that_hit(known, package, version):
                if one["id"] in accepted:
                    check.note(f"{one['id']} accepted: {accepted[one['id']]}")
                else:
                    check.that(False, f"{name}: {package} {version}", f"{one['id']}: {one.get('summary', '')[:150]}")


def advisory_canary(world, check: Check) -> None:
    """A made-up advisory against a package that is really locked; and data that are too old."""
    folder = world.work / "osv"
    (folder / "crates.io").mkdir(parents=True, exist_ok=True)
    made = {"id": "CANARY-1", "summary": "made up", "affected": [{"package": {"ecosystem": "crates.io", "name": "serde"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "9999.0.0"}]}]}]}  # fmt: skip
    (folder / "crates.io/CANARY-1.json").write_text(json.dumps(made))
    now = datetime.now(UTC)
    (folder / "fetched").write_text((now - timedelta(days=8)).isoformat())
    try:
        judge(check, "canary", folder, [], now)
        return  # Old data passed: no finding, and so the item fails.
    except CannotRun:
        (folder / "fetched").write_text(now.isoformat())
    judge(check, "canary", folder, [p for p in locked() if p[0] == "crates.io"], now)


@item("advisories", "known holes of every locked package, from data of the last seven days", advisory_canary, NIGHTLY)
def advisory(world, check: Check) -> None:
    folder = Path(os.environ.get("KIKUBARI_ADVISORIES", ROOT / ".local/advisories"))
    if not folder.is_dir():
        raise CannotRun(f"there are no advisories in {folder}. Fetch them: scripts/security.d/fetch_advisories, or name a folder in KIKUBARI_ADVISORIES")
    judge(check, "lock files", folder, locked(), datetime.now(UTC))
