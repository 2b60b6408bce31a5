"""Algorithmia's client, for code that was written for it: it speaks with the local API.

The names are those of the package `algorithmia` 1.x and 2.x; the code is ours, on the standard
library alone, because theirs fails on the Pythons of today.
"""

from __future__ import annotations

from adk import ADK

from Algorithmia.acl import Acl, AclType, ReadAcl
from Algorithmia.client import Client
from Algorithmia.errors import AlgorithmException, ApiError, DataApiError

__all__ = [
    "ADK",
    "Acl",
    "AclType",
    "AlgorithmException",
    "ApiError",
    "Client",
    "DataApiError",
    "ReadAcl",
    "algo",
    "client",
    "dir",
    "file",
    "handler",
]

# What code sets instead of arguments to `client`.
apiKey = None
apiAddress = None


def client(api_key=None, api_address=None, ca_cert=None, bearer_token=None):
    """Return a client; without arguments one of the local API."""
    return Client(api_key or apiKey, api_address or apiAddress, ca_cert, bearer_token)


def algo(algo_ref):
    """Return the algorithm `owner/name[/version]`."""
    return client().algo(algo_ref)


def file(data_url):
    """Return the file at `data://owner/collection/name`."""
    return client().file(data_url)


def dir(data_url):
    """Return the folder at `data://owner/collection`."""
    return client().dir(data_url)


def handler(apply_func, load_func=None):
    """Return the algorithm whose `serve()` older code ends with."""
    return ADK(apply_func, load_func)
