"""The API documents, the tenants' and the console's, as the list of everything that can be attacked."""

import json
import re
from dataclasses import dataclass, field
from functools import cache

from core import ROOT

METHODS = ("get", "post", "put", "patch", "delete")
# What ends sessions of those that the suite works with, whatever it is sent.
ENDING = ("delete_session", "refresh_session", "end_other_sessions", "end_all_sessions")
SOME_UUID = "01890a5d-ac96-774b-bcce-b302099a8057"


@dataclass
class Operation:
    id: str
    method: str
    path: str
    parameters: list[dict] = field(default_factory=list)
    body: dict | None = None
    media: str | None = None
    public: bool = False
    by_cookie: bool = False

    def named(self, place: str) -> list[dict]:
        return [p for p in self.parameters if p["in"] == place]

    def at(self, values: dict[str, str] | None = None) -> str:
        """The path with its parameters filled in, already encoded values."""
        values = values or {}
        kinds = {p["name"]: p.get("schema", {}) for p in self.named("path")}

        def fill(match):
            name = match.group(1)
            default = "1" if resolved(kinds.get(name, {})).get("type") == "integer" else SOME_UUID
            return values.get(name, default)

        return re.sub(r"\{(\w+)\}", fill, self.path)


TENANTS, CONSOLE = "openapi.json", "operator.json"


@cache
def document(name: str = TENANTS) -> dict:
    """With references that say which of the two they lead to: both have schemas of the same name."""
    return json.loads((ROOT / "openapi" / name).read_text().replace('"#/components/', f'"{name}#/components/'))


@cache
def operations(name: str = TENANTS) -> tuple[Operation, ...]:
    found = []
    for path, methods in document(name)["paths"].items():
        for method, spec in methods.items():
            if method not in METHODS:
                continue
            content = spec.get("requestBody", {}).get("content", {})
            media = next(iter(content), None)
            found.append(
                Operation(
                    id=spec["operationId"],
                    method=method.upper(),
                    path=path,
                    parameters=[*methods.get("parameters", []), *spec.get("parameters", [])],
                    body=content[media].get("schema") if media else None,
                    media=media,
                    public=spec.get("security") == [{}],
                    by_cookie=any("refresh_cookie" in way for way in spec.get("security", [])),
                )
            )
    return tuple(found)


def resolved(schema: dict | bool) -> dict:
    """A schema without references; of alternatives the first that is not null."""
    if not isinstance(schema, dict):
        return {}
    while True:
        if "$ref" in schema:
            where, _, place = schema["$ref"].partition("#")
            schema = document(where)["components"]["schemas"][place.rsplit("/", 1)[1]]
        elif alternatives := schema.get("oneOf") or schema.get("anyOf"):
            real = [a for a in alternatives if a.get("type") != "null"]
            schema = real[0] if real else {}
        elif parts := schema.get("allOf"):
            merged: dict = {"type": "object", "properties": {}, "required": []}
            for part in map(resolved, parts):
                merged["properties"].update(part.get("properties", {}))
                merged["required"] += part.get("required", [])
            schema = merged
        else:
            return schema


def kind(schema: dict) -> str:
    types = schema.get("type", "")
    if isinstance(types, list):
        types = next((t for t in types if t != "null"), "")
    return types


def sample(schema: dict | bool, depth: int = 0):
    """A value that the schema allows."""
    schema = resolved(schema)
    if "example" in schema:
        return schema["example"]
    if schema.get("enum"):
        return schema["enum"][0]
    match kind(schema):
        case "object":
            properties = schema.get("properties", {})
            return {n: sample(properties[n], depth + 1) for n in schema.get("required", []) if n in properties}
        case "array":
            wanted = schema.get("minItems", 0)
            return [sample(schema.get("items", {}), depth + 1) for _ in range(wanted)] if depth < 6 else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "string":
            match schema.get("format"):
                case "uuid":
                    return SOME_UUID
                case "date-time":
                    return "2026-01-01T00:00:00Z"
                case "date":
                    return "2026-01-01"
            if "pattern" in schema and "0-9]" in schema["pattern"]:
                return "09:00"
            return "a" * max(1, schema.get("minLength", 1))
    return "a"


def leaves(schema: dict | bool, path: tuple = (), depth: int = 0):
    """Every single value in a body: (path, schema)."""
    schema = resolved(schema)
    if depth > 5:
        return
    match kind(schema):
        case "object":
            for name, part in schema.get("properties", {}).items():
                yield from leaves(part, (*path, name), depth + 1)
        case "array":
            yield from leaves(schema.get("items", {}), (*path, 0), depth + 1)
        case _:
            yield path, schema


def placed(body, path: tuple, value):
    """The body with the value at that path, which is made when it is not there."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if head == 0:
        return [placed(body[0] if isinstance(body, list) and body else None, rest, value)]
    copy = dict(body) if isinstance(body, dict) else {}
    copy[head] = placed(copy.get(head), rest, value)
    return copy
