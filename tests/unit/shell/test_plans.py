from __future__ import annotations

from algo.commands.shared.plans import plan_text
from algo.images.deliver import LayerReport
from algo.publish.plan import AttachedReport, Plan
from msgspec.structs import replace

DIGEST = "sha256:" + "0123456789abcdef" * 4
INDEX = "sha256:" + "f" * 64
SIGN = "https://sigstore.dev/cosign/sign/v1"

PLAN = Plan(
    name="acme/digits",
    version="1.0.1",
    reason="patch after 1.0.0: the contract and the answers to its cases are the same",
    reference="registry.example.com/acme/digits:1.0.1",
    digest=INDEX,
    images={"linux/amd64": DIGEST},
    layers=(
        LayerReport(DIGEST, 47_200_000, "runtime", "runtime", "reused"),
        LayerReport(DIGEST, 67_300_000, "packages", "packages", "mounted"),
        LayerReport(DIGEST, 3_100, "code", "code", "new"),
    ),
    bytes_to_send=21_400,
    statements=(
        AttachedReport("application/vnd.algo.lock.v1+toml", INDEX),
        AttachedReport(SIGN, DIGEST),
        AttachedReport(SIGN, INDEX),
        AttachedReport("https://algo.dev/release/v1", INDEX),
    ),
    key="0123456789abcdef0123",
    source="main 1a2b3c4d5e6f of https://github.com/acme/digits",
    uncommitted=(),
    policy=False,
    objection="",
    unchanged=False,
)


def test_a_dry_run_reads_in_80_columns() -> None:
    assert (
        plan_text(PLAN)
        == f"""\
would publish registry.example.com/acme/digits:1.0.1
why      patch after 1.0.0: the contract and the answers to its cases are the
         same
source   main 1a2b3c4d5e6f of https://github.com/acme/digits
digest   {INDEX}
image    sha256:0123456789ab for linux/amd64
to send  21.4 kB; the layers are 114.5 MB
  runtime                47.2 MB  is there   sha256:0123456789ab
  packages               67.3 MB  to link    sha256:0123456789ab
  code                    3.1 kB  to send    sha256:0123456789ab
attached lock, 2 signatures, release
key      0123456789abcdef
policy   trust.toml asks for nothing"""
    )
    assert max(map(len, plan_text(PLAN).splitlines())) <= 80


def test_a_dry_run_says_what_publishing_would_refuse() -> None:
    plan = replace(
        PLAN, uncommitted=("src/a.py",), key="", policy=True, objection="it comes from no branch"
    )
    text = plan_text(plan)
    assert "         src/a.py is not as committed: wants --allow-dirty\n" in text
    assert "key      one that would be made now\n" in text
    assert text.endswith("policy   trust.toml would refuse it here: it comes from no branch")
