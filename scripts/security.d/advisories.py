"""Advisories in the format of osv.dev: one folder for each ecosystem, one JSON file for each advisory.

Used offline: `fetched`, a file with the time of the last fetch, says how old
the data are. See docs/decisions/0043.
"""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

from core import CannotRun


def age(folder: Path, now: datetime) -> timedelta:
    try:
        old = now - datetime.fromisoformat((folder / "fetched").read_text().strip())
    except (OSError, ValueError) as error:
        raise CannotRun(f"{folder} does not say when it was fetched: {error}") from error
    if old < timedelta(0):
        raise CannotRun(f"{folder} says that it was fetched in the future")
    return old


def load(folder: Path, ecosystem: str) -> dict[str, list[dict]]:
    """Advisories by the package that they are about."""
    known: dict[str, list[dict]] = {}
    for file in (folder / ecosystem).glob("*.json"):
        one = json.loads(file.read_text())
        if one.get("withdrawn"):
            continue
        for affected in one.get("affected", []):
            package = affected.get("package", {})
            if package.get("ecosystem", "").split(":")[0] == ecosystem:
                known.setdefault(plain(package["name"]), []).append({**one, "hit": affected})
    return known


def plain(name: str) -> str:
    """PyPI takes -, _ and . for the same, and no notice of capitals."""
    return re.sub(r"[-_.]+", "-", name).lower()


def key(version: str) -> tuple:
    """Orders versions as SemVer does; for PyPI's it is near enough for what the lock files hold."""
    core, _, pre = version.lstrip("vV").split("+")[0].partition("-")
    numbers = tuple(int(part) if part.isdigit() else 0 for part in re.split(r"[.]", core))
    # A version with a suffix comes before the same without one; numbers in it before words.
    rank = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".")) if pre else ()
    return (*numbers, *([0] * (6 - len(numbers)))), (0 if pre else 1), rank


def inside(version: str, events: list[dict]) -> bool:
    """Whether a version lies between an introduction and its end (https://ossf.github.io/osv-schema/)."""
    hit = False
    ordered = sorted(events, key=lambda e: key(next(iter(e.values())) if next(iter(e.values())) != "0" else "0.0.0-0"))
    for event in ordered:
        if "introduced" in event and (event["introduced"] == "0" or key(version) >= key(event["introduced"])):
            hit = True
        if "fixed" in event and key(version) >= key(event["fixed"]):
            hit = False
        if "last_affected" in event and key(version) > key(event["last_affected"]):
            hit = False
    return hit


def that_hit(known: dict[str, list[dict]], package: str, version: str) -> list[dict]:
    found = {}
    for one in known.get(plain(package), []):
        ranges = [r for r in one["hit"].get("ranges", []) if r.get("type") in ("SEMVER", "ECOSYSTEM")]
        if version in one["hit"].get("versions", []) or any(inside(version, r.get("events", [])) for r in ranges):
            found[one["id"]] = one
    return list(found.values())
