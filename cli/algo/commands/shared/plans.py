"""What people read of a dry run."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from algo.commands.shared.publishing import layer_line, size

if TYPE_CHECKING:
    from algo.publish.plan import Plan

_STATUS = {"reused": "is there", "mounted": "to link", "new": "to send"}
_KINDS = {
    "application/vnd.algo.lock.v1+toml": "lock",
    "application/vnd.algo.lock.file.v1": "lock file",
    "application/vnd.algo.contract.v1+json": "contract",
    "https://sigstore.dev/cosign/sign/v1": "signature",
    "https://slsa.dev/provenance/v1": "provenance",
    "https://model_signing/signature/v1.0": "model signature",
    "https://cyclonedx.org/bom": "SBOM",
    "https://algo.dev/release/v1": "release",
}
_FEW = 3


def plan_text(plan: Plan) -> str:
    """Return what people read of a dry run, in 80 columns."""
    if plan.unchanged:
        return f"would publish nothing: {plan.reference} is there\n{_item('why', plan.reason)[0]}"
    whole = size(sum(layer.size for layer in plan.layers))
    lines = [f"would publish {plan.reference}", *_item("why", plan.reason)]
    lines += _item("source", plan.source)
    if plan.uncommitted:
        lines += _item("", f"{_files(plan)} not as committed: wants --allow-dirty")
    lines += _item("digest", plan.digest)
    for platform, digest in plan.images.items():
        lines += _item("image", f"{digest[:19]} for {platform}")
    lines += _item("to send", f"{size(plan.bytes_to_send)}; the layers are {whole}")
    for layer in plan.layers:
        lines.append(f"  {layer_line(layer)} {_STATUS[layer.status]:<10} {layer.digest[:19]}")
    lines += _item("attached", ", ".join(_attached(plan)))
    lines += _item("key", plan.key[:16] or "one that would be made now")
    lines += _item("policy", _policy(plan))
    return "\n".join(lines)


def _item(name: str, text: str) -> list[str]:
    """Return `text` behind its name, in as many lines as it needs."""
    lines = textwrap.wrap(text, 70, break_on_hyphens=False, break_long_words=False)
    return [f"{'' if number else name:<8} {line}" for number, line in enumerate(lines)]


def _attached(plan: Plan) -> list[str]:
    """Return what would be attached, each kind once, with how often."""
    kinds = [_KINDS.get(item.type, item.type) for item in plan.statements]
    return [
        kind if kinds.count(kind) == 1 else f"{kinds.count(kind)} {kind}s"
        for kind in dict.fromkeys(kinds)
    ]


def _policy(plan: Plan) -> str:
    if plan.objection:
        return f"trust.toml would refuse it here: {plan.objection}"
    return "it has what trust.toml asks for" if plan.policy else "trust.toml asks for nothing"


def _files(plan: Plan) -> str:
    files = plan.uncommitted
    if len(files) > _FEW:
        return f"{len(files)} files are"
    return ", ".join(files) + (" is" if len(files) == 1 else " are")
