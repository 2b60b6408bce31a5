"""What is read of an ONNX file, and which of them are refused."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from algo.importing import onnx_file
from algo.importing.errors import SourceInvalid, SourceUnsupported
from algo.importing.onnx import OnnxSource
from algo.importing.onnx_file import Map, Named, Sequence, Tensor
from algo.importing.protobuf import Malformed

if TYPE_CHECKING:
    from pathlib import Path

    from algo.contract.values import Json
    from algo.importing.interface import Draft


def draft_of(path: Path) -> Draft:
    return OnnxSource(path).draft(unasked)


def unasked(draft: Draft) -> Json:
    raise AssertionError("the file says all of it")


def test_names_types_and_shapes_of_inputs_and_outputs_are_read(onnx_models: Path) -> None:
    scaled = onnx_file.read(onnx_models / "scaled.onnx")
    assert scaled.inputs == (Named("picture", Tensor("float32", ("batch", 3, "height", None))),)
    assert scaled.outputs == (Named("scaled", Tensor("float32", None)),)
    assert (scaled.ir_version, scaled.opsets, scaled.producer) == (9, {"": 17}, "tests")
    iris = onnx_file.read(onnx_models / "iris.onnx")
    assert iris.inputs == (Named("X", Tensor("float32", (None, 4))),)
    assert iris.outputs[1].type == Sequence(Map("int64", Tensor("float32", None)))


def test_the_annotations_say_what_the_file_says(onnx_models: Path) -> None:
    words = draft_of(onnx_models / "texts.onnx").words
    assert words["inputs"] == (
        '        "words": Annotated[np.ndarray, np.str_, (None, 1)],\n'
        '        "flag": Annotated[np.ndarray, np.bool_, ()],'
    )
    iris = draft_of(onnx_models / "iris.onnx").words
    assert "list[dict[int, float]]" in iris["outputs"]
    assert iris["imports"] == "Annotated, TypedDict"


def test_guesses_differ_only_where_the_file_leaves_lengths_open(onnx_models: Path) -> None:
    (fixed,) = draft_of(onnx_models / "iris.onnx").examples
    assert fixed.inputs == ({"X": [[0.0, 0.1, 0.2, 0.3]]},)
    (open_ones,) = draft_of(onnx_models / "picky.onnx").examples
    sizes = [len(guess["x"][0]) for guess in open_ones.inputs]  # type: ignore[index, call-overload, arg-type]
    assert sizes == [8, 1, 32, 224]


def test_data_sets_that_a_model_is_shipped_with_are_its_examples(onnx_models: Path) -> None:
    first, second = draft_of(onnx_models / "zoo").examples
    assert first.name == "test_data_set_0"
    quarters = [[[[(row * 4 + at) / 4] for at in range(4)] for row in range(3)]]
    assert first.inputs == ({"picture": quarters},)
    doubled = [[[[(row * 4 + at) / 2] for at in range(4)] for row in range(3)]]
    assert second.inputs == ({"picture": doubled},)


def test_weights_in_a_file_beside_it_are_a_model_of_their_own(onnx_models: Path) -> None:
    draft = draft_of(onnx_models / "stored")
    places = {name: copied.place for name, copied in draft.models.items()}
    assert places == {"model": "models/net.onnx", "weights": "models/net.weights"}


@pytest.mark.parametrize(
    ("name", "kind", "said", "hint"),
    [
        ("nothing.onnx", SourceUnsupported, "has no inputs", "export it with its inputs"),
        ("bfloat.onnx", SourceUnsupported, "of bfloat16, which numpy does not have", "float32"),
        ("escaping", SourceUnsupported, "'../../secret', outside its folder", "anew"),
        ("lacking", SourceInvalid, "in 'gone.bin', which is not there", "cp gone.bin "),
        (".", SourceInvalid, "several models: bfloat.onnx, future.onnx", "bfloat.onnx"),
        ("absent.onnx", SourceInvalid, "is not there", "algo import onnx FILE"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_reason(
    onnx_models: Path, name: str, kind: type[SourceInvalid], said: str, hint: str
) -> None:
    with pytest.raises(kind) as refused:
        draft_of(onnx_models / name)
    assert said in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95", b"{}", b"\x08\x09", b"\xff" * 40])
def test_a_file_of_another_kind_is_no_onnx_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(SourceInvalid, match="is no ONNX file"):
        draft_of(tmp_path / "x.onnx")


def test_a_model_cut_short_is_told_at_every_length(onnx_models: Path, tmp_path: Path) -> None:
    whole = (onnx_models / "scaled.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    for length in range(1, len(whole)):
        cut.write_bytes(whole[:length])
        try:
            onnx_file.read(cut)
        except Malformed:
            continue
        # What is left ends between two fields, so it is a model: one with less in it.
        assert whole[length:][0] & 7 in (0, 2)


def test_a_folder_with_one_model_stands_for_it(onnx_models: Path, tmp_path: Path) -> None:
    shutil.copy(onnx_models / "iris.onnx", tmp_path)
    assert draft_of(tmp_path).name == "iris"
