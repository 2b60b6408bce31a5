"""What of conda's own settings counts here: `.condarc` and CONDA_* variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALIAS = "https://conda.anaconda.org/"
DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
_PRIORITIES = {"strict": "Strict", "flexible": "Flexible", "disabled": "Disabled"}


class Condarc(Value, frozen=True):
    """Conda's settings, as far as solving and fetching need them.

    Args:
        alias: Where a channel lies that is named without an address.
        channels: What to search when an environment names no channels.
        defaults: What the channel `defaults` stands for.
        custom: Where single channels lie, by name.
        priority: `Strict`, `Flexible` or `Disabled`.
        verify: Whether servers must show a certificate that holds.
        authorities: A file of certificates to trust, empty for the system's.
        proxies: By scheme.
    """

    alias: str = ALIAS
    channels: tuple[str, ...] = ()
    defaults: tuple[str, ...] = DEFAULTS
    custom: tuple[tuple[str, str], ...] = ()
    priority: str = "Flexible"
    verify: bool = True
    authorities: str = ""
    proxies: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Condarc:
        """Read the files that conda reads, the later over the earlier, then the variables.

        Raises:
            ValueError: A file is no YAML.
        """
        found: dict[str, Any] = {}
        for path in _files(env):
            if path.is_file():
                found |= _settings(path)
        verify = found.get("ssl_verify", True)
        channels = env.get("CONDA_CHANNELS", "")
        listed = channels.split(",") if channels else _names(found.get("channels"))
        alias = env.get("CONDA_CHANNEL_ALIAS") or str(found.get("channel_alias") or ALIAS)
        priority = env.get("CONDA_CHANNEL_PRIORITY") or str(found.get("channel_priority", ""))
        return cls(
            alias=f"{alias.rstrip('/')}/",
            channels=tuple(name.strip() for name in listed if name.strip()),
            defaults=tuple(_names(found.get("default_channels"))) or DEFAULTS,
            custom=tuple(sorted(_texts(found.get("custom_channels")))),
            priority=_PRIORITIES.get(priority.lower(), "Flexible"),
            verify=verify is not False,
            authorities=verify if isinstance(verify, str) and verify != "truststore" else "",
            proxies=tuple(sorted(_texts(found.get("proxy_servers")))),
        )

    def places(self, name: str) -> tuple[str, ...]:
        """Return the channels that `name` stands for; one with an address stays as it is."""
        if name == "defaults":
            return self.defaults
        custom = dict(self.custom).get(name)
        return (f"{custom.rstrip('/')}/{name}",) if custom else (name,)


def _files(env: Mapping[str, str]) -> Iterator[Path]:
    """Return where conda's settings may lie, in the order in which later ones win."""
    home = Path(env.get("HOME") or "~").expanduser()
    yield from (Path("/etc/conda/.condarc"), Path("/etc/conda/condarc"))
    for variable in ("CONDA_ROOT", "MAMBA_ROOT_PREFIX"):
        if root := env.get(variable):
            yield Path(root) / ".condarc"
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    yield from (config / "conda" / ".condarc", home / ".conda" / ".condarc", home / ".condarc")
    if prefix := env.get("CONDA_PREFIX"):
        yield Path(prefix) / ".condarc"
    if own := env.get("CONDARC"):
        yield Path(own)


def _settings(path: Path) -> dict[str, Any]:
    from algo.environments.conda.yaml import load

    found = load(path.read_text(encoding="utf-8"), str(path))
    return found if isinstance(found, dict) else {}


def _names(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _texts(value: object) -> list[tuple[str, str]]:
    found = value if isinstance(value, dict) else {}
    return [(str(name), str(text)) for name, text in found.items() if text]
