"""`algorithmia.conf`, as it was written over the years."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from algo.project.algorithmia import component, read, with_version
from algo.project.errors import EntrypointMissing, ManifestInvalid, ProjectNotFound
from algo.project.project import Project
from algo.project.version import write_version

if TYPE_CHECKING:
    from pathlib import Path


def project(root: Path, conf: object, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("def apply(input):\n    return input\n")
    text = conf if isinstance(conf, str) else json.dumps(conf, indent=4)
    (root / "algorithmia.conf").write_text(text)
    return root


def conf(algoname: str = "hello", **more: object) -> dict[str, object]:
    return {"username": "acme", "algoname": algoname, **more}


def test_a_folder_with_algorithmia_conf_is_a_project(tmp_path: Path) -> None:
    said = conf("ImageClassifierDemo", language="python3-1", submitted_at=1514324496387)
    project(tmp_path, {**said, "username": "AlgorithmiaSE"}, "src/ImageClassifierDemo.py")
    (tmp_path / "training").mkdir()

    found = Project.find(tmp_path / "training")

    assert found.root == tmp_path
    assert found.name == "algorithmiase/imageclassifierdemo"
    assert found.manifest.algorithm.language == "python"
    assert found.manifest.algorithm.entrypoint == "src/ImageClassifierDemo.py:apply"
    assert found.manifest.serving.timeout_seconds == 300


@pytest.mark.parametrize(
    "name",
    ["python3-1", "python-3.x-1", "python3.7", "python2-langpack", "python-2.x-1", "anaconda3x"],
)
def test_every_name_of_python_is_python(name: str, tmp_path: Path) -> None:
    project(tmp_path, conf(language=name), "src/hello.py")
    assert read(tmp_path / "algorithmia.conf").algorithm.language == "python"


def test_the_misspelt_key_of_its_own_templates_counts(tmp_path: Path) -> None:
    project(tmp_path, conf(langauge="ruby-2.2-1"), "src/hello.rb")
    assert read(tmp_path / "algorithmia.conf").algorithm.entrypoint == "src/hello.rb:apply"


@pytest.mark.parametrize(
    ("language", "file", "entrypoint"),
    [
        ("node-5.x-1", "src/hello.js", "src/hello.js:apply"),
        ("javascript", "src/Algorithm.js", "src/Algorithm.js:apply"),
        ("r36", "src/hello.r", "src/hello.r:algorithm"),
        ("r-3.x", "src/Algorithm.R", "src/Algorithm.R:algorithm"),
        ("rust", "src/lib.rs", "src/lib.rs:apply"),
        ("rust", "src/main.rs", "src/main.rs:apply"),
        (
            "java",
            "src/main/java/algorithmia/hello/hello.java",
            "src/main/java/algorithmia/hello/hello.java:apply",
        ),
        (
            "java-ojdk11",
            "src/main/java/com/algorithmia/algorithm/Algorithm.java",
            "src/main/java/com/algorithmia/algorithm/Algorithm.java:apply",
        ),
        (
            "scala-2-sbt-1.3",
            "src/main/scala/com/algorithmia/Algorithm.scala",
            "src/main/scala/com/algorithmia/Algorithm.scala:apply",
        ),
    ],
)
def test_the_code_lies_where_the_templates_of_its_language_put_it(
    language: str, file: str, entrypoint: str, tmp_path: Path
) -> None:
    project(tmp_path, conf(language=language), file)
    assert read(tmp_path / "algorithmia.conf").algorithm.entrypoint == entrypoint


def test_a_name_with_a_hyphen_is_a_module_with_an_underscore(tmp_path: Path) -> None:
    project(tmp_path, conf("Text-Cleaner", language="python3"), "src/text_cleaner.py")
    found = Project.open(tmp_path)
    assert found.name == "acme/text-cleaner"
    assert found.manifest.algorithm.entrypoint == "src/text_cleaner.py:apply"


def test_missing_keys_are_made_up_of_what_is_there(tmp_path: Path) -> None:
    project(tmp_path, {}, "src/__init__.py", "src/wordcount.py", "src/wordcount_test.py")
    found = Project.open(tmp_path)
    assert found.name == "local/wordcount"
    assert found.manifest.algorithm.entrypoint == "src/wordcount.py:apply"


def test_a_name_that_no_file_has_gets_the_nearest_one(tmp_path: Path) -> None:
    project(tmp_path, conf("sentimant"), "src/sentiment.py", "src/util.py")
    with pytest.raises(EntrypointMissing) as caught:
        Project.open(tmp_path)
    assert caught.value.message == "src/sentimant.py, the file of the algorithm, is not there"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean src/sentiment.py?")


@pytest.mark.parametrize(
    ("language", "there", "wanted", "hint"),
    [
        ("node-5.x-1", "src/sumer.js", "src/Summer.js", '"algoname": "sumer"'),
        ("ruby-2.2-1", "src/sumer.rb", "src/Summer.rb", '"algoname": "sumer"'),
        ("r36", "src/sumer.r", "src/Summer.r", '"algoname": "sumer"'),
        ("rust", "src/libs.rs", "src/lib.rs", "mv src/libs.rs src/lib.rs"),
        (
            "java",
            "src/main/java/algorithmia/Sumer/Sumer.java",
            "src/main/java/algorithmia/Summer/Summer.java",
            '"algoname": "Sumer"',
        ),
        (
            "java-ojdk11",
            "src/main/java/Algorithm.java",
            "src/main/java/com/algorithmia/algorithm/Algorithm.java",
            "mv src/main/java/Algorithm.java",
        ),
        (
            "scala",
            "src/main/scala/algorithmia/Sumer/Sumer.scala",
            "src/main/scala/algorithmia/Summer/Summer.scala",
            '"algoname": "Sumer"',
        ),
    ],
)
def test_the_nearest_file_is_told_in_every_layout(
    language: str, there: str, wanted: str, hint: str, tmp_path: Path
) -> None:
    beside = there.replace(there.rsplit("/", 1)[1].split(".")[0], "Helper")
    project(tmp_path, conf("Summer", language=language), there, beside)
    with pytest.raises(EntrypointMissing) as caught:
        Project.open(tmp_path)
    told = f"{caught.value.message} {caught.value.hint}"
    assert f"did you mean {there}?" in told
    assert hint in told
    if language != "java-ojdk11":
        assert caught.value.message == f"{wanted}, the file of the algorithm, is not there"


def test_the_handlers_of_scala_and_java_are_found_beside_their_types(tmp_path: Path) -> None:
    said = conf("Summer", language="scala-2-sbt-1.3")
    folder = "src/main/scala/com/algorithmia"
    project(tmp_path, said, f"{folder}/Algorithm.scala", f"{folder}/Input.scala")
    entry = Project.open(tmp_path).manifest.algorithm.entrypoint
    assert entry == f"{folder}/Algorithm.scala:apply"


def test_a_file_beside_the_manifest_is_named_with_what_moves_it(tmp_path: Path) -> None:
    project(tmp_path, conf(language="python3"), "hello.py", "setup.py")
    with pytest.raises(EntrypointMissing) as caught:
        Project.open(tmp_path)
    assert str(caught.value.hint).endswith("mkdir -p src && mv hello.py src/hello.py")


def test_a_language_that_nothing_runs_gets_the_nearest_one(tmp_path: Path) -> None:
    project(tmp_path, conf(language="pyhton3"), "src/hello.py")
    with pytest.raises(ManifestInvalid, match="nothing runs the language 'pyhton3'") as caught:
        Project.open(tmp_path)
    assert caught.value.hint == "did you mean python?"


@pytest.mark.parametrize("text", ["", "{", "[]", '"acme"', "[" * 100_000])
def test_what_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    project(tmp_path, text, "src/hello.py")
    with pytest.raises(ManifestInvalid, match=r"algorithmia\.conf"):
        Project.open(tmp_path)


def test_values_of_other_types_say_nothing(tmp_path: Path) -> None:
    project(tmp_path, {"username": 3, "algoname": None, "language": []}, "src/hello.py")
    assert Project.open(tmp_path).name == "local/hello"


def test_algo_toml_wins_where_both_are_there(tmp_path: Path) -> None:
    project(tmp_path, conf(), "src/hello.py")
    (tmp_path / "algo.toml").write_text(
        '[algorithm]\nname = "acme/new"\nlanguage = "python"\nentrypoint = "src/hello.py:apply"\n'
    )
    assert Project.open(tmp_path).name == "acme/new"


def test_a_folder_with_neither_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFound):
        Project.open(tmp_path)


def test_publishing_writes_the_version_and_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    text = '{\n    "username": "acme",\n    "algoname": "hello",\n    "langauge": "python3.7"\n}\n'
    project(tmp_path, text, "src/hello.py")

    write_version(tmp_path, "1.0.0")
    first = (tmp_path / "algorithmia.conf").read_text()
    write_version(tmp_path, "1.1.0")

    assert first == text.replace('"python3.7"\n', '"python3.7",\n    "version": "1.0.0"\n')
    assert (tmp_path / "algorithmia.conf").read_text() == first.replace("1.0.0", "1.1.0")
    assert Project.open(tmp_path).manifest.algorithm.version == "1.1.0"


@pytest.mark.parametrize("text", ["{}", '{"username": "a"}', '{"a": 1}\n', '{"version": "1"}'])
def test_a_version_goes_into_a_file_of_one_line(text: str) -> None:
    written = with_version(text, "2.0.0")
    assert json.loads(written) == {**json.loads(text), "version": "2.0.0"}


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("uk.gov.ons.spark.TopX", "uk.gov.ons.spark.topx"),
        ("demo_algorithm_1", "demo_algorithm_1"),
        ("foo_-", "foo"),
        ("a._b", "a-b"),
        ("__ALGO__", "algo"),
        ("My Algo!", "my-algo"),
    ],
)
def test_a_name_becomes_one_of_a_repository(name: str, ours: str) -> None:
    assert component(name) == ours
