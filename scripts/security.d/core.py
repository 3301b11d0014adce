"""Items of the attack suite: what one is, and how it is told that it can fail.

An item is a pair of functions. `attack` looks for holes in the product;
`canary` does the same where a hole is known to be: in the canary app, or in a
made-up input. An item that finds nothing in its canary would find nothing
anywhere, and fails. So does an item that looked at nothing.
"""

import os
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

QUICK, WHOLE, NIGHTLY = "quick", "whole", "nightly"
LEVELS = [QUICK, WHOLE, NIGHTLY]

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = Path(os.environ.get("KIKUBARI_SECURITY_EVIDENCE", ROOT / ".local" / "security"))


class CannotRun(Exception):
    """What an item needs is not there. That is no pass."""


@dataclass
class Check:
    """What was looked at, and what was found."""

    looked: int = 0
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def that(self, holds: bool, where: str, otherwise: str = "") -> bool:
        self.looked += 1
        if not holds:
            self.findings.append(f"{where}: {otherwise}" if otherwise else where)
        return bool(holds)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass
class Item:
    name: str
    what: str
    attack: Callable
    canary: Callable
    level: str
    # Runs beside the others: it stops no part, changes nothing of the two companies, and does not look at what others do.
    aside: bool = False
    # Counts guesses: alone among those that do, and nobody's guesses are forgotten meanwhile.
    guesses: bool = False
    # Looks at what all the others left.
    last: bool = False


ITEMS: list[Item] = []


def item(name: str, what: str, canary: Callable, level: str = QUICK, **how: bool):
    def register(attack):
        ITEMS.append(Item(name, what, attack, canary, level, **how))
        return attack

    return register


def run_one(world, one: Item) -> tuple[Path, list[str]]:
    """Runs an item: the evidence file, which says what was done and found; and what it fails for, nothing when it passes."""
    begin = time.monotonic()
    canary, check, trouble = Check(), Check(), None
    try:
        with world.guessing:
            world.forget_guesses()
        one.canary(world, canary)
        if canary.findings:
            one.attack(world, check)
    except CannotRun as error:
        trouble = f"could not be run: {error}"
    except Exception:  # the suite goes on with the next item
        trouble = "could not be run:\n" + traceback.format_exc()
    problems = []
    if trouble:
        problems.append(trouble)
    elif not canary.findings:
        problems.append("the check found nothing in the canary, where a hole is: it proves nothing")
    elif check.looked == 0:
        problems.append("nothing was looked at")
    against = [*(f"problem   {p}" for p in problems), *(f"finding   {f}" for f in check.findings)]
    path = EVIDENCE / f"{one.name}.txt"
    lines = [
        f"item      {one.name}",
        f"what      {one.what}",
        f"result    {'fail' if against else 'pass'}",
        f"looked at {check.looked} things in {time.monotonic() - begin:.1f} s",
        "",
        *against,
        "",
        f"In the canary {len(canary.findings)} findings, as has to be:",
        *(f"  {f[:300]}" for f in canary.findings[:20]),
        "",
        *check.notes,
    ]
    path.write_text("\n".join(lines) + "\n")
    return path, against
