"""Made-up passwords that the product takes: its list of leaked ones says yes to one of 4,000 others too (docs/decisions/0039)."""

from functools import cache
from hashlib import sha256
from itertools import accumulate
from typing import Callable

from core import ROOT

HEAD, BUCKETS = 12, 65_536


@cache
def listed() -> tuple[bytes, list[int]]:
    """The file of domain/session/password/leaked.rs, and where each bucket begins."""
    file = (ROOT / "crates/domain/src/session/password/leaked.bin").read_bytes()
    return file[HEAD + BUCKETS :], [0, *accumulate(file[HEAD : HEAD + BUCKETS])]


def is_leaked(password: str) -> bool:
    entries, starts = listed()
    digest = sha256(password.lower().encode()).digest()
    bucket = int.from_bytes(digest[:2], "big")
    return digest[2:4] in {entries[2 * n : 2 * n + 2] for n in range(starts[bucket], starts[bucket + 1])}


def unlisted(make: Callable[[], str]) -> str:
    """The first of those made that is not on the list."""
    while is_leaked(word := make()):
        pass
    return word
