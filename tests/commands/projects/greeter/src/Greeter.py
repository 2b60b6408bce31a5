"""A new algorithm as its template made it, with its own greeting."""
from Algorithmia import ADK
import six


def apply(input, globals):
    if isinstance(input, six.binary_type):
        return input[::-1]
    if isinstance(input, dict):
        return {"greeting": globals["greeting"].format(input["name"])}
    return globals["greeting"].format(input)


def load():
    globals = {}
    globals["greeting"] = "hello {}"
    return globals


algorithm = ADK(apply, load)
algorithm.init("Algorithmia")
