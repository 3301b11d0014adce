"""Reads a raw mail as its receiver would: decoded parts and headers, and the
verdict of another implementation of DKIM. The public keys come as JSON on
standard input (name of the DNS record -> its text); no name is looked up."""

import email
import email.policy
import json
import sys

import dkim

records = {name.rstrip(".").lower(): text for name, text in json.load(sys.stdin).items()}


def txt(name, timeout=5):
    return records.get(name.decode().rstrip(".").lower(), "").encode() or None


with open(sys.argv[1], "rb") as file:
    raw = file.read()
mail = email.message_from_bytes(raw, policy=email.policy.default)


def part(kind):
    body = mail.get_body(preferencelist=(kind,))
    return body.get_content() if body else None


signatures = []
for index, value in enumerate(mail.get_all("DKIM-Signature", [])):
    tags = dkim.util.parse_tag_value("".join(str(value).split()).encode())
    signatures.append(
        {
            "domain": tags[b"d"].decode(),
            "selector": tags[b"s"].decode(),
            "algorithm": tags[b"a"].decode(),
            "headers": [name.lower() for name in tags[b"h"].decode().split(":")],
            "valid": dkim.DKIM(raw).verify(idx=index, dnsfunc=txt),
        }
    )

json.dump(
    {
        "headers": {name.lower(): str(value) for name, value in mail.items()},
        "text": part("plain"),
        "html": part("html"),
        "signatures": signatures,
    },
    sys.stdout,
)
