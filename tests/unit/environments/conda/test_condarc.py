from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.environments.conda.condarc import ALIAS, Condarc

if TYPE_CHECKING:
    from pathlib import Path


def test_without_settings_conda_is_as_it_comes(tmp_path: Path) -> None:
    found = Condarc.read({"HOME": str(tmp_path)})

    assert (found.alias, found.channels, found.priority) == (ALIAS, (), "Flexible")
    assert found.places("conda-forge") == ("conda-forge",)
    assert len(found.places("defaults")) == 2


def test_later_files_win_and_variables_over_all(tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_text(
        "channels: [mine, conda-forge]\nchannel_alias: https://mirror.example.com/\n"
        "custom_channels:\n  mine: https://files.example.com/conda\n"
        "channel_priority: strict\nssl_verify: false\nproxy_servers:\n  https: http://proxy:1\n"
    )
    (tmp_path / "own").write_text("ssl_verify: /etc/company.pem\ndefault_channels: [main]\n")
    env = {"HOME": str(tmp_path), "CONDARC": str(tmp_path / "own")}
    found = Condarc.read(env)

    assert found.channels == ("mine", "conda-forge")
    assert found.alias == "https://mirror.example.com/"
    assert found.places("mine") == ("https://files.example.com/conda/mine",)
    assert found.places("defaults") == ("main",)
    assert (found.priority, found.verify) == ("Strict", True)
    assert found.authorities == "/etc/company.pem"
    assert found.proxies == (("https", "http://proxy:1"),)
    assert Condarc.read(env | {"CONDA_CHANNELS": "a,b"}).channels == ("a", "b")


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_text("channels: [")

    with pytest.raises(ValueError, match=r"\.condarc"):
        Condarc.read({"HOME": str(tmp_path)})
