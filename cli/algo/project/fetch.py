"""`fetch` of `[serving]`: files that a caller names by URL."""

from __future__ import annotations

import ipaddress
import re

import msgspec

from algo.project.errors import ManifestInvalid
from algo.project.units import seconds, size

# A host, or what ends in one, and a port where it is not the usual one.
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?")


class Fetch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """From where files may be taken, and how much of them.

    `networks` are address ranges that are allowed although they are not public.
    """

    hosts: tuple[str, ...]
    networks: tuple[str, ...] = ()
    http: bool = False
    max_size: str = "10MB"
    timeout: str = "10s"


def check_fetch(fetch: Fetch, where: str) -> None:
    """Refuse what names no host, no address range or no limit.

    Args:
        fetch: As it was read.
        where: What to call the file in an error.

    Raises:
        ManifestInvalid: One of its values cannot be meant.
    """
    place = f"{where}: [serving] fetch"
    if not fetch.hosts:
        raise ManifestInvalid(f"{place} has no hosts", hint='name some: hosts = ["example.com"]')
    for host in fetch.hosts:
        if not _HOST.fullmatch(host):
            hint = 'write it as "images.example.com", "*.example.com" or "example.com:8443"'
            raise ManifestInvalid(f"{place}: {host!r} is no host", hint=hint)
    for network in fetch.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            hint = 'write it as "10.1.0.0/16"'
            raise ManifestInvalid(f"{place}: {error}", hint=hint) from None
    largest = size(fetch.max_size, f"{place}.max-size")
    if largest <= 0 or seconds(fetch.timeout, f"{place}.timeout") <= 0:
        raise ManifestInvalid(f"{place} allows nothing", hint="max-size and timeout are above 0")
