"""Runs the items and prints one line for each: security, item, pass|fail, evidence.

main.py LEVEL [ITEM…], started by scripts/security inside a stack.
"""

import contextlib
import importlib
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import core
from canary import start_canary

# In this order: `hostile` looks at every screen before the others fill the lists.
MODULES = (
    "supply hostile headers protocol smuggling overflow files errors cookies csrf sessions enumeration tenants "
    "sql xss exports links processes tls scanners holes passwords factors programs trail egress "
    "operator_access operator_sessions operator_support operator_protocol operator_probes operator_stored keeping"
).split()


def chosen(level: str, names: list[str]) -> list[core.Item]:
    for module in MODULES:
        importlib.import_module(module)
    if names:
        unknown = set(names) - {one.name for one in core.ITEMS}
        if unknown:
            sys.exit(f"there is no item {', '.join(sorted(unknown))}; there are: {' '.join(i.name for i in core.ITEMS)}")
        return [one for one in core.ITEMS if one.name in names]
    return [one for one in core.ITEMS if core.LEVELS.index(one.level) <= core.LEVELS.index(level)]


SAYING = threading.Lock()


def run(world, one: core.Item) -> bool:
    begin = time.monotonic()
    with world.guessing if one.guesses else contextlib.nullcontext():
        path, against = core.run_one(world, one)
    shown = path.relative_to(core.ROOT) if path.is_relative_to(core.ROOT) else path
    with SAYING:
        print(f"security\t{one.name}\t{'fail' if against else 'pass'}\t{shown}", flush=True)
        print(f"    {one.name}: {one.what}: {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
        for line in shown_of(against):
            print(f"    {line}", file=sys.stderr, flush=True)
    return not against


# Of what an item fails for: so many, of so many characters.
MOST, LONGEST = 20, 600


def shown_of(against: list[str]) -> list[str]:
    """For whoever has nothing of a run but its output: its head and its end, without the secrets of the run."""
    from world import masked

    lines = []
    for line in map(masked, against[:MOST]):
        lines.append(line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}")
    if len(against) > MOST:
        lines.append(f"… and {len(against) - MOST} more")
    return lines


def run_all(world, items: list[core.Item]) -> int:
    """In two lanes, of which the second one takes what disturbs nobody; then what looks at the whole run. How many failed."""
    lanes = [one for one in items if not one.aside and not one.last], [one for one in items if one.aside]
    with ThreadPoolExecutor(2) as pool:
        ended = pool.map(lambda lane: [run(world, one) for one in lane], lanes)
        passed = [told for lane in ended for told in lane]
    passed += [run(world, one) for one in items if one.last]
    return passed.count(False)


def main() -> int:
    level, names = sys.argv[1], sys.argv[2:]
    core.EVIDENCE.mkdir(parents=True, exist_ok=True)
    import world as worlds

    with tempfile.TemporaryDirectory(prefix="kikubari-security.") as work, start_canary() as canary_url:
        items = chosen(level, names)
        world = worlds.create(level, canary_url, Path(work))
        failed = run_all(world, items)
    print(f"    {len(items)} items, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the canary may still hold connections that nobody reads.
    os._exit(status)
