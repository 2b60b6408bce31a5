"""Who may read a folder: recorded as it is asked for."""

from __future__ import annotations


class AclInner:
    """One of the three kinds."""

    def __init__(self, pseudonym, acl_string):
        self.pseudonym = pseudonym
        self.acl_string = acl_string

    def __repr__(self):
        return f"AclType(pseudonym={self.pseudonym},acl_string={self.acl_string})"


class AclType:
    """The kinds: everybody, the owner's own algorithms, nobody else."""

    public = AclInner("public", "user://*")
    my_algos = AclInner("my_algos", "algo://.my/*")
    private = AclInner("private", None)
    default = my_algos
    types = (public, my_algos, private)

    @staticmethod
    def from_acl_response(acl_list):
        """Return the kind that an answer of the API names."""
        if not acl_list:
            return AclType.private
        found = [one for one in AclType.types if one.acl_string == acl_list[0]]
        if not found:
            raise ValueError(f"Invalid acl string {acl_list[0]}")
        return found[0]


class Acl:
    """Who may read."""

    def __init__(self, read_acl):
        self.read_acl = read_acl

    @staticmethod
    def from_acl_response(acl_response):
        """Return what an answer of the API says."""
        if "read" not in acl_response:
            raise ValueError("Response does not contain read ACL")
        return Acl(AclType.from_acl_response(acl_response["read"]))

    def to_api_param(self):
        """Return it as the API takes it."""
        text = self.read_acl.acl_string
        return {"read": [] if text is None else [text]}


class ReadAcl:
    """The kinds as whole access lists."""

    public = Acl(AclType.public)
    private = Acl(AclType.private)
    my_algos = Acl(AclType.my_algos)
