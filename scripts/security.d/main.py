"""Runs the items and prints one line for each: security, item, pass|fail, evidence.

main.py LEVEL [ITEM…], started by scripts/security inside a stack.
"""

import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

import core
from canary import start_canary

# In this order: `hostile` looks at every screen before the others fill the lists, `keeping` looks for what all of them left.
MODULES = (
    "supply hostile headers protocol smuggling overflow files errors cookies csrf sessions enumeration tenants "
    "sql xss exports links processes tls scanners holes passwords factors programs trail egress keeping"
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


def main() -> int:
    level, names = sys.argv[1], sys.argv[2:]
    core.EVIDENCE.mkdir(parents=True, exist_ok=True)
    import world as worlds

    failed = 0
    with tempfile.TemporaryDirectory(prefix="kikubari-security.") as work, start_canary() as canary_url:
        items = chosen(level, names)
        world = worlds.create(level, canary_url, Path(work))
        for one in items:
            print(f"    {one.name}: {one.what}", file=sys.stderr, flush=True)
            begin = time.monotonic()
            world.forget_guesses()
            passed, path = core.run_one(world, one)
            failed += not passed
            shown = path.relative_to(core.ROOT) if path.is_relative_to(core.ROOT) else path
            print(f"security\t{one.name}\t{'pass' if passed else 'fail'}\t{shown}", flush=True)
            print(f"    {one.name}: {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
    print(f"    {len(items)} items, {failed} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the canary may still hold connections that nobody reads.
    os._exit(status)
