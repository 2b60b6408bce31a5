"""Code that was written for Algorithmia in other languages than Python, by its own templates."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from algo.project.project import Project

from tests.languages.language import languages
from tests.machine.lacking import lacking
from tests.runtimes.conftest import GatewayProcess, RunnerProcess

PROJECTS = Path(__file__).parents[1] / "commands" / "projects"


QUICK = ("js-greeter", "ruby-greeter", "r-greeter", "java-greeter")
SLOW = pytest.mark.slow
Serve = Callable[[str], GatewayProcess]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Build a project as its language's steps do, and serve it."""
    with ExitStack() as started:

        def start(name: str) -> GatewayProcess:
            app, made = tmp_path / Path(name).name, tmp_path / "made"
            shutil.copytree(PROJECTS / name, app)
            algorithm = Project.open(app).manifest.algorithm
            (language,) = (one for one in languages() if one.name == algorithm.language)
            if language.lacking:
                lacking(f"{language.lacking} is not installed: python3 -m tests.machine setup")
            language.build(app, made, algorithm.entrypoint)
            served = GatewayProcess(
                app,
                "--development",
                *("--packages", str(made / "packages"), "--program", str(made / "program")),
                language=algorithm.language,
                runtime=language.runtime,
                entrypoint=algorithm.entrypoint,
                written_for=algorithm.written_for,
            )
            return started.enter_context(served)

        yield start


def turned(served: GatewayProcess) -> bytes:
    """Return what bytes are answered with."""
    kind = {"Content-Type": "application/octet-stream"}
    return served.ask("POST", "/", b"\x00\x01", kind).body


@pytest.mark.parametrize("name", [*QUICK, pytest.param("RustGreeter", marks=SLOW)])
def test_an_old_algorithm_of_another_language_runs_as_it_is(name: str, serve: Serve) -> None:
    served = serve(name)
    known = served.post("Ada", "/v1/algo/Acme/Anything-else")
    assert "no algorithm" in known.json["error"]["message"]
    assert served.post("Ada").json == {"greeting": "Hello Ada", "known": True}
    assert served.post("Bob").json == {"greeting": "Hello Bob", "known": False}
    assert turned(served) == b"\x01\x00"
    failed = served.post(7, "/v1/algo/ACME/It")
    assert failed.json["error"]["message"].endswith("give a name")


@SLOW
def test_an_error_of_a_crate_has_the_line_of_its_function(serve: Serve) -> None:
    source = (PROJECTS / "RustGreeter" / "src" / "lib.rs").read_text().splitlines()
    line = 1 + next(at for at, text in enumerate(source) if text.startswith("fn apply("))
    error = serve("RustGreeter").post(7).json["error"]
    assert f"returned by src/lib.rs:{line}" in error["stacktrace"]


# What else an author of Algorithmia's may write in src/lib.rs, with the serde of today.
RUST_FORMS = {
    "a type that is read": """
        algo_entrypoint!(Input);
        fn apply(input: Input) -> Result<Box<Output>, String> {
            greeted(input)
        }
    """,
    "a method of Algo": """
        pub struct Algo { greeting: String }
        algo_entrypoint!(Input => Algo::greet);
        impl Algo {
            fn greet(&self, input: Input) -> Result<AlgoOutput, Box<dyn std::error::Error>> {
                assert_eq!(self.greeting, "Hello");
                Ok(AlgoOutput::from(greeted(input)?))
            }
        }
        impl Default for Algo {
            fn default() -> Self { Algo { greeting: "Hello".into() } }
        }
    """,
    "an entry point by hand": """
        #[derive(Default)]
        pub struct Algo;
        impl EntryPoint for Algo {
            fn apply_json(&self, json: &JsonValue)
                -> Result<AlgoOutput, Box<dyn std::error::Error>> {
                let name = json["name"].as_str().ok_or("give a name")?;
                Ok(AlgoOutput::from(&greeted(Input { name: name.into() })?))
            }
        }
    """,
    "a plain function": """
        pub fn apply(input: Input) -> Result<Output, String> {
            greeted(input).map(|output| *output)
        }
    """,
}
RUST_HEAD = """
    #[macro_use]
    extern crate algorithmia;
    #[macro_use]
    extern crate serde_derive;

    use algorithmia::prelude::*;

    #[derive(Deserialize)]
    pub struct Input { name: String }

    #[derive(Serialize)]
    pub struct Output { greeting: String }

    fn greeted(input: Input) -> Result<Box<Output>, String> {
        let word = Algorithmia::default().file("data://acme/greeter/greeting.txt");
        assert!(word.exists().map_err(|error| error.to_string())?);
        Ok(Box::new(Output { greeting: format!("Hello {}", input.name) }))
    }
"""


@SLOW
@pytest.mark.parametrize("form", RUST_FORMS)
def test_a_crate_is_called_in_every_form_that_it_may_have(
    form: str, serve: Serve, tmp_path: Path
) -> None:
    project = tmp_path / "projects" / "RustGreeter"
    shutil.copytree(PROJECTS / "RustGreeter", project)
    manifest = (project / "Cargo.toml").read_text()
    assert '"0.9.0"' in manifest
    (project / "Cargo.toml").write_text(manifest.replace('"0.9.0"', '"1"'))
    (project / "src" / "lib.rs").write_text(RUST_HEAD + RUST_FORMS[form])
    served = serve(str(project))
    assert served.post({"name": "Ada"}).json == {"greeting": "Hello Ada"}
    wrong = served.post({"nobody": 1})
    assert wrong.status == (500 if form == "an entry point by hand" else 400)


@SLOW
def test_the_form_of_java_that_takes_an_input_best_is_called(serve: Serve) -> None:
    served = serve("JavaSum")
    assert served.post("Bob").body == b"Hello Bob"
    assert served.post([1, 2.5]).json == 6.5
    wanted = {"numbers": [1, 2.5], "unit": "km"}
    assert served.post(wanted).json == {"sum": 3.5, "words": ["km"]}
    assert turned(served) == b"\x00"
    wrong = served.post([1, 2, 3])
    assert (wrong.status, wrong.code) == (400, "invalid_input")
    assert "apply(double, double)" in wrong.json["error"]["message"]


@SLOW
def test_javas_annotations_say_what_is_json(serve: Serve) -> None:
    answer = serve("JavaRules").post({"value": 2})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"value": 2, "triggered": True}


@SLOW
def test_an_abstract_algorithm_of_java_loads_and_reads_its_type(serve: Serve) -> None:
    served = serve("JavaPerson")
    person = {"first_name": "Ada", "last_name": None}
    answer = served.post({"first_name": "Ada"})
    assert answer.json == {"greeting": "hello Ada", "person": person}
    missing = served.post({"last_name": "Lovelace"})
    assert (missing.status, missing.code) == (400, "invalid_input")
    assert "first_name" in missing.json["error"]["message"]


@SLOW
def test_a_required_number_of_java_has_to_be_there(serve: Serve, tmp_path: Path) -> None:
    project = tmp_path / "projects" / "JavaPerson"
    shutil.copytree(PROJECTS / "JavaPerson", project)
    source = next(project.rglob("Algorithm.java"))
    field = "@Required String first_name;"
    told = '@Required @com.google.gson.annotations.SerializedName("of age") boolean adult;'
    assert field in source.read_text()
    source.write_text(source.read_text().replace(field, f"{field} @Required int age; {told}"))
    served = serve(str(project))
    whole = {"first_name": "Ada", "age": 0, "of age": False}
    assert served.post(whole).json["person"] == {**whole, "last_name": None}
    for field in ("age", "of age"):
        for wrong in ({**whole, field: None}, {key: whole[key] for key in whole if key != field}):
            refused = served.post(wrong)
            assert (refused.status, refused.code) == (400, "invalid_input")
            assert f"input.{field}: it is required" in refused.json["error"]["message"]


@SLOW
def test_an_old_class_of_scala_runs_as_it_is(serve: Serve) -> None:
    served = serve("OldScala")
    assert served.post("Ada").json == {"greeting": "Hello Ada", "known": True}
    assert turned(served) == b"\x01\x00"
    assert "give a name" in served.post({"no": 1}).json["error"]["message"]


@SLOW
def test_the_handler_of_scala_runs_as_it_is(serve: Serve) -> None:
    served = serve("ScalaGreeter")
    assert served.post({"name": "ada"}).json == {"greeting": "Hello Ada", "known": False}
    friends = {"name": "bob", "friends": ["bob"]}
    assert served.post(friends).json == {"greeting": "Hello Bob", "known": True}
    assert "give a name" in served.post({"name": ""}).json["error"]["message"]
    wrong = served.post({"friends": 3})
    assert (wrong.status, wrong.code) == (400, "invalid_input")
    assert "input.name" in wrong.json["error"]["message"]


@SLOW
def test_the_main_of_scala_may_be_in_another_object_of_the_file(
    serve: Serve, tmp_path: Path
) -> None:
    project = tmp_path / "projects" / "ScalaGreeter"
    shutil.copytree(PROJECTS / "ScalaGreeter", project)
    source = project / "src" / "main" / "scala" / "com" / "algorithmia" / "Algorithm.scala"
    assert "object Algorithm {" in source.read_text()
    source.write_text(
        source.read_text().replace("object Algorithm {", "object Named\n\nobject Main {")
    )
    assert serve(str(project)).post({"name": "ada"}).json["greeting"] == "Hello Ada"


@SLOW
def test_several_mains_of_scala_are_named(tmp_path: Path) -> None:
    app, made = tmp_path / "ScalaGreeter", tmp_path / "made"
    shutil.copytree(PROJECTS / "ScalaGreeter", app)
    source = app / "src" / "main" / "scala" / "com" / "algorithmia" / "Algorithm.scala"
    mains = "object Two { def main(words: Array[String]): Unit = () }\n\nobject One {"
    source.write_text(source.read_text().replace("object Algorithm {", mains))
    algorithm = Project.open(app).manifest.algorithm
    (language,) = (one for one in languages() if one.name == algorithm.language)
    if language.lacking:
        lacking(f"{language.lacking} is not installed: python3 -m tests.machine setup")
    language.build(app, made, algorithm.entrypoint)
    started = RunnerProcess(
        language.command(made),
        app,
        entrypoint=algorithm.entrypoint,
        written_for=algorithm.written_for,
    )
    said = started.load()
    started.close()
    assert said["type"] == "load_error"
    assert "several objects with a main: Two, One" in said["message"]


# What is handed to the handler of R, and what 2 is answered with.
R_FORMS = {
    "functions of other names": ("getAlgorithmHandler(timed, loader)$serve()", 6),
    "by the names of the arguments": (
        "getAlgorithmHandler(onLoadMethod = loader, applyfunc = timed)$serve()",
        6,
    ),
    "nothing to load": ("getAlgorithmHandler(timed)$serve()", 14),
    "a handler that does not serve": ("getAlgorithmHandler(timed, loader)", 202),
    "no handler": ("", 202),
}
R_HEAD = """
library(algorithmia)
load <- function() 100
algorithm <- function(input, more) input + 2 * more
loader <- function() 3
timed <- function(input, times = 7) input * times
"""


@pytest.mark.parametrize("form", R_FORMS)
def test_what_the_handler_of_r_is_given_is_loaded_and_called(
    form: str, serve: Serve, tmp_path: Path
) -> None:
    project = tmp_path / "projects" / "r-greeter"
    shutil.copytree(PROJECTS / "r-greeter", project)
    handled, answer = R_FORMS[form]
    (project / "src" / "rGreeter.r").write_text(f"{R_HEAD}\n{handled}\n")
    assert serve(str(project)).post(2).json == answer


# How code of R reaches the package, and what it writes before that.
R_PLACES = {
    "by the name of the package": ("", "algorithmia::"),
    "past its exports": ("", "algorithmia:::"),
    "where it is asked for": ('stopifnot(requireNamespace("algorithmia"))', "algorithmia::"),
    "in a file of its own": ('source("src/more.R")', ""),
}


@pytest.mark.parametrize("place", R_PLACES)
def test_the_package_of_r_is_reached_as_an_installed_one(
    place: str, serve: Serve, tmp_path: Path
) -> None:
    project = tmp_path / "projects" / "r-greeter"
    shutil.copytree(PROJECTS / "r-greeter", project)
    before, prefix = R_PLACES[place]
    (project / "src" / "more.R").write_text("library(algorithmia)\nrequire(algorithmia)\n")
    code = f"""{before}
        client <- {prefix}getAlgorithmiaClient()
        timed <- function(input) list(input * 7, is.function(client$algo))
        algo <- {prefix}getAlgorithmHandler(timed)
        algo$serve()
    """
    (project / "src" / "rGreeter.r").write_text(code)
    assert serve(str(project)).post(2).json == [14, True]
