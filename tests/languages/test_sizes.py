"""The table of image sizes."""

from __future__ import annotations

from tests.languages.sizes import table


def test_layers_of_one_kind_are_added_and_others_are_the_projects() -> None:
    kinds = {"runtime": 120, "gateway": 40, "models": 7, "code": 1, "program": 0.01}
    layers = [{"kind": kind, "unpacked": size * 1e6, "size": 5e5} for kind, size in kinds.items()]
    layers.append({"kind": "runtime", "unpacked": 30e6, "size": 1e6})
    lines = dict(line.strip("| ").split(" | ") for line in table({"go": layers})[2:])
    assert lines == {
        "Debian and what runs the language": "150",
        "the gateway": "40",
        "the runner": "0",
        "packages": "0",
        "what was compiled": "0",
        "models and code": "8.0",
        "together": "198",
        "together, packed": "3.5",
    }
