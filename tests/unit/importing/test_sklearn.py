"""What is seen of a pickle without reading it, and the project that comes of it."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from algo.importing.errors import PickleDangerous, SourceInvalid, SourceUnsupported
from algo.importing.pickles import NoPickle, Stub, look_into
from algo.importing.sklearn import SklearnSource

if TYPE_CHECKING:
    from pathlib import Path

    from algo.contract.values import Json
    from algo.errors import AlgoError
    from algo.importing.interface import Draft

FACTS: dict[str, Any] = {"kind": "array", "estimator": "Forest", "methods": ["predict"]}


def draft_of(source: SklearnSource, **facts: Any) -> Draft:
    asked: list[Draft] = []

    def ask(draft: Draft) -> Json:
        asked.append(draft)
        return FACTS | facts

    draft = source.draft(ask)
    assert asked[0].parts == ("sklearn_probe",)
    return draft


@pytest.mark.parametrize(
    "name",
    [
        "iris.pkl",
        *(f"protocol{number}.pkl" for number in range(6)),
        *(f"{how}.joblib" for how in ("plain", "zlib", "gzip", "xz")),
    ],
)
def test_an_estimator_is_seen_through_every_protocol_and_compression(
    sklearn_models: Path, name: str
) -> None:
    pickled = look_into(sklearn_models / name)
    assert pickled.values("_sklearn_version") == {"1.9.1"}
    assert pickled.root.name == "RandomForestClassifier"
    assert pickled.modules >= {"sklearn", "numpy"}
    assert pickled.root.get("n_estimators") == 10


def test_arrays_of_objects_in_joblibs_files_are_followed(sklearn_models: Path) -> None:
    pickled = look_into(sklearn_models / "objects.joblib")
    assert pickled.root.name == "Pipeline"
    assert ("sklearn.preprocessing._encoders", "OneHotEncoder") in pickled.names


def test_nothing_is_run_by_looking(sklearn_models: Path) -> None:
    pickled = look_into(sklearn_models / "evil.pkl")
    assert pickled.dangerous == ("posix.system",)
    assert not (sklearn_models / "touched").exists()
    with pytest.raises(PickleDangerous, match=r"posix\.system") as refused:
        draft_of(SklearnSource(sklearn_models / "evil.pkl"))
    assert refused.value.exit_code == 4
    assert not (sklearn_models / "touched").exists()


def test_no_opcode_calls_anything(tmp_path: Path) -> None:
    marker = tmp_path / "touched"
    command = f"touch {marker}"
    attacks = [
        b"cos\nsystem\n(S'%s'\ntR." % command.encode(),
        b"(S'%s'\nios\nsystem\n." % command.encode(),
        b"(cos\nsystem\nS'%s'\no." % command.encode(),
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c%c%s\x85R." % (len(command), command.encode()),
        b"\x80\x02cos\nsystem\n(X%s%stb." % (len(command).to_bytes(4, "little"), command.encode()),
        b"\x80\x02cbuiltins\ngetattr\n(cos\nX\x06\x00\x00\x00systemtR(X%s%stR."
        % (len(command).to_bytes(4, "little"), command.encode()),
    ]
    for attack in attacks:
        (tmp_path / "x.pkl").write_bytes(attack)
        try:
            found = look_into(tmp_path / "x.pkl")
        except NoPickle:
            pass
        else:
            assert isinstance(found.root, (Stub, type))
        assert not marker.exists()


def test_a_pickle_cut_short_is_none_at_every_length(sklearn_models: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pkl"
    for name in ("spam.pkl", "zlib.joblib"):
        whole = (sklearn_models / name).read_bytes()
        for length in range(0, len(whole) - 5, 7):
            cut.write_bytes(whole[:length])
            with pytest.raises(NoPickle):
                look_into(cut)


def test_announced_bytes_are_not_allocated(tmp_path: Path) -> None:
    size = (1 << 50).to_bytes(8, "little")
    for opcode in (pickle.BINBYTES8, pickle.BINUNICODE8, pickle.BYTEARRAY8, pickle.FRAME):
        (tmp_path / "x.pkl").write_bytes(b"\x80\x05" + opcode + size + b"x.")
        with pytest.raises(NoPickle):
            look_into(tmp_path / "x.pkl")


def test_requirements_are_those_that_it_was_pickled_with(sklearn_models: Path) -> None:
    draft = draft_of(SklearnSource(sklearn_models / "iris.pkl"), features=4)
    assert draft.words["requirements"] == "numpy>=2\nscikit-learn==1.9.1"
    assert draft.words["rows"] == "Annotated[np.ndarray, np.float64, (None, 4)]"
    loose = draft_of(
        SklearnSource(sklearn_models / "old.pkl", loosen=True, extra=("pandas==3.1.1",))
    )
    assert "scikit-learn>=1.2.2" in loose.words["requirements"]
    assert "pandas==3.1.1" in loose.words["requirements"]
    assert any("the pin that fits is scikit-learn==1.2.2" in note for note in loose.notes)


def test_a_boosted_model_is_taken_and_its_versions_asked_for(tmp_path: Path) -> None:
    # What pickle writes of an object without a state of scikit-learn's: a class, a new one, built.
    model = b"\x80\x04\x8c\x10lightgbm.sklearn\x8c\x0eLGBMClassifier\x93)\x81}b."
    (tmp_path / "boosted.pkl").write_bytes(model)
    draft = draft_of(SklearnSource(tmp_path / "boosted.pkl"))
    assert draft.words["requirements"].splitlines() == ["lightgbm", "numpy", "scikit-learn"]
    assert any("pin it with --with lightgbm==VERSION" in note for note in draft.notes)
    pinned = draft_of(SklearnSource(tmp_path / "boosted.pkl", extra=("lightgbm==4.6.0",)))
    assert pinned.words["requirements"].startswith("lightgbm==4.6.0")


def test_named_columns_are_a_frame_with_its_texts(sklearn_models: Path) -> None:
    draft = draft_of(
        SklearnSource(sklearn_models / "churn.pkl"),
        kind="frame",
        methods=["predict", "predict_proba", "transform"],
        features=2,
        names=["plan", 'a "b"'],
        texts={"plan": ["gold"]},
        classes=["goes", "stays"],
        labels="string",
    )
    assert draft.parts == ("sklearn", "sklearn_frame")
    assert "pandas" in draft.words["requirements"]
    assert draft.words["rows"] == '    "plan": str,\n    \'a "b"\': float,'
    assert draft.words["outputs"].splitlines() == [
        '        "predictions": Annotated[np.ndarray, np.str_, (None,)],',
        '        "probabilities": Annotated[np.ndarray, np.float64, (None, 2)],',
    ]
    assert draft.examples[0].inputs == ([{"plan": "gold", 'a "b"': 0.2}],)


@pytest.mark.parametrize(
    ("name", "kind", "said", "hint"),
    [
        ("numbers.pkl", SourceInvalid, "it holds a list", "joblib.dump"),
        ("dictionary.pkl", SourceInvalid, "it holds a dict", "joblib.dump"),
        ("own.pkl", SourceUnsupported, "needs features, and no package", "--code features.py"),
        ("code.pkl", SourceUnsupported, "bytecode", "--code MODULE.py"),
        ("features.py", SourceInvalid, "no pickle that can be followed", ""),
        ("absent.pkl", SourceInvalid, "is not there", ""),
        (".", SourceInvalid, "holds churn.pkl, code.pkl", "algo import sklearn "),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_reason(
    sklearn_models: Path, name: str, kind: type[AlgoError], said: str, hint: str
) -> None:
    with pytest.raises(kind) as refused:
        draft_of(SklearnSource(sklearn_models / name))
    assert said in refused.value.message
    assert hint in refused.value.hint


def test_an_estimator_that_answers_nothing_is_refused(sklearn_models: Path) -> None:
    with pytest.raises(SourceUnsupported, match="neither predicts nor transforms"):
        draft_of(SklearnSource(sklearn_models / "iris.pkl"), methods=[])
