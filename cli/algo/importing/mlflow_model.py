"""What the `MLmodel` file of an MLflow model says.

The format: https://mlflow.org/docs/latest/ml/model; types are those of `mlflow.types`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from algo.importing import yaml_file
from algo.importing.errors import SourceInvalid

if TYPE_CHECKING:
    from pathlib import Path

FILE = "MLmodel"


class TensorSpec(msgspec.Struct, frozen=True):
    """A tensor: numpy's name of its dtype, and its lengths, -1 for any."""

    dtype: str
    shape: tuple[int, ...]


class Spec(msgspec.Struct, frozen=True, rename="kebab"):
    """A column, a tensor, or a parameter.

    `type` is `double`, `long`, …, `tensor`, or that of a nested value, which is not taken apart.
    """

    type: str
    name: str | None = None
    required: bool = True
    tensor_spec: TensorSpec | None = None
    items: dict[str, Any] | str | None = None
    default: Any = None
    shape: tuple[int, ...] | None = None


class Signature(msgspec.Struct, frozen=True):
    """The signature: each part is a list of specs, as JSON in a text."""

    inputs: str | None = None
    outputs: str | None = None
    params: str | None = None


class ExampleInfo(msgspec.Struct, frozen=True):
    """Where the input example is; `type` is `dataframe`, `ndarray` or `json_object`."""

    artifact_path: str = ""
    serving_input_path: str = ""
    type: str = ""


class MlModel(msgspec.Struct, frozen=True):
    """The file."""

    flavors: dict[str, dict[str, Any]]
    mlflow_version: str = ""
    model_uuid: str | None = None
    run_id: str | None = None
    signature: Signature | None = None
    saved_input_example_info: ExampleInfo | None = None

    @property
    def inputs(self) -> tuple[Spec, ...] | None:
        """What is to be given; None where nothing is said."""
        return _specs(self.signature.inputs if self.signature else None)

    @property
    def outputs(self) -> tuple[Spec, ...] | None:
        """What is answered; None where nothing is said."""
        return _specs(self.signature.outputs if self.signature else None)

    @property
    def params(self) -> tuple[Spec, ...]:
        """What may be given besides."""
        return _specs(self.signature.params if self.signature else None) or ()


def read(folder: Path) -> MlModel:
    """Read the `MLmodel` in `folder`.

    Raises:
        SourceInvalid: It is no such file.
    """
    model = yaml_file.read(folder / FILE, MlModel)
    _ = model.inputs, model.outputs, model.params  # wrong ones are told now
    return model


def _specs(text: str | None) -> tuple[Spec, ...] | None:
    if text is None:
        return None
    try:
        return msgspec.convert(json.loads(text), tuple[Spec, ...])
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise SourceInvalid(f"the signature in {FILE} cannot be read: {error}") from error
