"""Holds what `caddy adapt` makes of the Caddyfile (standard input) to what docs/security.md promises of it."""

import json
import sys

# Largest form that the door lets through to the pages for recipients, in bytes.
LARGEST_FORM = 32_000

sites = json.load(sys.stdin)["apps"]["http"]["servers"]
routes = [route for server in sites.values() for site in server["routes"] for handler in site["handle"] for route in handler.get("routes", [])]


def limit_of(route: dict) -> int | None:
    """Most bytes of a body that this route takes of what is sent to the pages for recipients."""
    if not any("/p/*" in match.get("path", []) for match in route.get("match", [])):
        return None
    return next((handler["max_size"] for handler in route["handle"] if handler["handler"] == "request_body"), None)


limits = [limit for route in routes if (limit := limit_of(route)) is not None]
if limits != [LARGEST_FORM]:
    sys.exit(f"deploy/caddy/Caddyfile: forms of /p/* have to be bounded once, at {LARGEST_FORM} bytes; the bounds are {limits}")
