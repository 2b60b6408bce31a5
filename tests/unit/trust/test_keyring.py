from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest
from algo.errors import UsageError
from algo.trust.errors import KeyExists, KeyInvalid, KeyLocked, KeyMissing, KeyRevoked
from algo.trust.keyring import KEY, PASSWORD, Keyring
from algo.trust.keys import PublicKey, SigningKey

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", {})


def test_the_first_use_makes_a_key_that_only_the_user_can_read(ring: Keyring) -> None:
    assert ring.signing_key() is None
    key, made = ring.ensure()
    assert made
    again, made = ring.ensure()
    assert (again.public, made) == (key.public, False)
    (path,) = (ring.root / "own").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ring.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_many_at_once_agree_on_one_key(ring: Keyring) -> None:
    found: list[str] = []
    start = threading.Barrier(8)

    def use() -> None:
        start.wait()
        found.append(ring.ensure()[0].public.id)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert [path.name for path in (ring.root / "own").iterdir()] == ["default.pem"]


def test_a_passphrase_of_the_environment_encrypts_the_key(tmp_path: Path) -> None:
    ring = Keyring(tmp_path, {PASSWORD: "secret"})
    key, _ = ring.ensure()
    assert "ENCRYPTED" in (tmp_path / "own" / "default.pem").read_text()
    without = Keyring(tmp_path, {})
    assert without.export() == key.public
    assert without.policy().accepted[0].key == key.public
    with pytest.raises(KeyLocked):
        without.signing_key()


@pytest.mark.parametrize("as_file", [False, True])
def test_the_environment_may_give_the_key_as_text_or_as_a_file(
    tmp_path: Path, as_file: bool
) -> None:
    key = SigningKey.generate()
    file = tmp_path / "ci.pem"
    file.write_text(key.pem("secret"))
    value = str(file) if as_file else key.pem("secret")
    ring = Keyring(tmp_path / "keys", {KEY: value, PASSWORD: "secret"})
    assert ring.ensure()[0].public == key.public
    assert ring.export() == key.public
    assert ring.policy().accepted[0].key == key.public
    assert not (tmp_path / "keys").exists()


def test_a_key_of_the_environment_that_is_no_key_says_which_variable(tmp_path: Path) -> None:
    with pytest.raises(KeyInvalid) as caught:
        Keyring(tmp_path, {KEY: str(tmp_path / "missing.pem")}).signing_key()
    assert KEY in caught.value.message


def test_a_key_is_not_overwritten(ring: Keyring) -> None:
    ring.create("team")
    with pytest.raises(KeyExists):
        ring.create("team")
    with pytest.raises(KeyExists):
        ring.take(SigningKey.generate().pem(), "team")


def test_a_revoked_key_signs_nothing_and_a_new_one_takes_its_place(ring: Keyring) -> None:
    old, _ = ring.ensure()
    assert ring.revoke("default", "laptop stolen") == old.public.id
    with pytest.raises(KeyRevoked):
        ring.ensure()
    new = ring.create()
    signing = ring.signing_key()
    assert signing is not None
    assert signing.public == new.public
    policy = ring.policy()
    assert [item.key for item in policy.accepted] == [new.public]
    assert old.public.id in policy.revoked
    kinds = {(item.id, item.kind, item.reason) for item in ring.known()}
    assert (old.public.id, "revoked", "laptop stolen") in kinds
    with pytest.raises(KeyRevoked):
        ring.trust(old.public)


def test_a_foreign_key_is_trusted_for_the_owners_named(ring: Keyring) -> None:
    foreign = SigningKey.generate().public
    ring.trust(foreign, "CI of acme", "acme")
    assert [key.key for key in ring.policy().keys_for("acme/digits")] == [foreign]
    assert ring.policy().keys_for("other/digits") == ()
    ring.trust(foreign, "CI of acme", "other")
    assert ring.policy().keys_for("other/digits")
    ring.trust(foreign, "CI of acme", "acme")
    assert ring.policy().keys_for("other/digits")
    assert ring.policy().keys_for("acme/digits")


def test_the_last_word_on_a_key_counts(ring: Keyring) -> None:
    foreign = SigningKey.generate().public
    ring.trust(foreign)
    ring.trust(foreign, owner="acme")
    assert ring.policy().keys_for("acme/digits")
    assert not ring.policy().keys_for("other/digits")
    ring.trust(foreign)
    assert ring.policy().keys_for("other/digits")
    with pytest.raises(UsageError, match="'x y' is no owner"):
        ring.trust(foreign, owner="x y")


def test_a_key_is_revoked_by_the_beginning_of_its_id(ring: Keyring) -> None:
    foreign = SigningKey.generate().public
    ring.trust(foreign)
    ring.revoke(foreign.id[:10])
    assert ring.policy().accepted == ()
    with pytest.raises(KeyMissing):
        ring.revoke("nobody")


def test_names_that_lead_out_of_the_folder_are_refused(ring: Keyring) -> None:
    for name in ("../x", "a/b", "", "A"):
        with pytest.raises(UsageError):
            ring.create(name)


def test_an_imported_key_is_exported_with_the_same_id(ring: Keyring) -> None:
    key = SigningKey.generate()
    ring.take(key.pem("old"), "default", "old")
    assert ring.export() == key.public
    assert PublicKey.parse((ring.root / "own" / "default.pem").read_text()) == key.public
    with pytest.raises(KeyMissing):
        ring.export("other")
