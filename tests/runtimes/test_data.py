"""What code written for Algorithmia finds at its API: data, its own name, other algorithms."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from algo_gateway.calls.call import Failure
from algo_gateway.data.folders import Folders

from tests.runtimes.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

FOR = {"written_for": "algorithmia"}
# Does with data what the input says, by the client that the runtime brings.
CODE = """
import os
import Algorithmia
from Algorithmia.acl import ReadAcl
from Algorithmia.errors import AlgorithmException, DataApiError

client = Algorithmia.client("simHARDCODED", "https://api.algorithmia.com")


def apply(input):
    path, what = input["path"], input["do"]
    file, folder = client.file(path), client.dir(path)
    if what == "put":
        file.put(input["text"])
    elif what == "get":
        return file.getString()
    elif what == "make":
        folder.create(ReadAcl.public)
    elif what == "list":
        return [one.getName() for one in folder.list()]
    elif what == "read":
        return folder.get_permissions().read_acl.pseudonym
    elif what == "delete":
        return (folder if input.get("folder") else file).delete()
    elif what == "exists":
        return [file.exists(), folder.exists()]
    elif what == "fail":
        try:
            return file.getBytes().decode()
        except DataApiError as error:
            return str(error)
    elif what == "call":
        try:
            return client.algo(path).pipe(input["text"]).result
        except AlgorithmException as error:
            return [error.message, error.error_type]
    elif what == "report":
        client.report_insights({"score": 3})
    elif what == "environment":
        names = ("ALGORITHMIA_API", "ALGORITHMIA_API_KEY", "ALGO_DATA")
        return {name: os.environ.get(name) for name in names}
    return "done"
"""


def asks(served: GatewayProcess) -> Callable[..., Any]:
    def ask(what: str, path: str = "", **more: object) -> Any:
        answer = served.post({"do": what, "path": path, **more})
        assert answer.status == 200, answer.body
        text = answer.body.decode()
        return text if answer.headers["content-type"].startswith("text/") else json.loads(text)

    return ask


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "written").mkdir()
    (tmp_path / "shipped" / "AcmeSE" / "models").mkdir(parents=True)
    (tmp_path / "shipped" / "AcmeSE" / "models" / "weights").write_text("of the project")
    return Folders("acmese", tmp_path / "written", tmp_path / "shipped")


def put(folders: Folders, path: str, text: str) -> None:
    with folders.writing(path) as handle:
        import os

        os.write(handle, text.encode())


def text_of(folders: Folders, path: str) -> str:
    found = folders.find(path)
    assert found is not None
    return found.read_text()


def test_what_is_written_lies_over_what_came_with_the_project(folders: Folders) -> None:
    assert text_of(folders, "AcmeSE/models/weights") == "of the project"
    assert text_of(folders, ".my/models/weights") == "of the project"
    put(folders, "acmese/models/weights", "newer")
    put(folders, "AcmeSE/models/more", "more")
    assert text_of(folders, "ACMESE/models/weights") == "newer"
    assert [one.name for one in folders.entries("AcmeSE/models")] == ["more", "weights"]


def test_what_came_with_the_project_is_not_deleted(folders: Folders) -> None:
    for path in ("AcmeSE/models/weights", "AcmeSE"):
        with pytest.raises(Failure, match="came with the project"):
            folders.delete(path, force=True)
    assert text_of(folders, "AcmeSE/models/weights") == "of the project"


@pytest.mark.parametrize(
    "path",
    [
        "../outside",
        "acme/../../outside",
        "acme/c/..",
        "acme/./c",
        ".access.json",
        "acme/.hidden/x",
        "acme/c/\0x",
        "acme/c/a\\b",
        "acme/c/a\nb",
        f"acme/c/{'x' * 256}",
        "acme/out/secret",
        "acme/out",
    ],
)
def test_no_path_leads_out_of_the_data(path: str, folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / "written" / "acme").mkdir()
    (tmp_path / "written" / "acme" / "out").symlink_to(tmp_path / "outside")
    before = sorted(tmp_path.rglob("*"))
    for attempt in (
        lambda: folders.find(path),
        lambda: folders.entries(path),
        lambda: folders.make(path),
        lambda: put(folders, f"{path}/new", "x"),
        lambda: folders.delete(path, force=True),
        lambda: folders.access(path),
        lambda: folders.let(path, []),
    ):
        with pytest.raises(Failure) as caught:
            attempt()
        assert caught.value.status == 400
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_is_not_written_whole_is_not_there(folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), folders.writing("acme/c/x"):
        raise RuntimeError
    assert folders.find("acme/c/x") is None
    assert list((tmp_path / "written" / "acme" / "c").iterdir()) == []


def test_an_algorithm_reads_and_writes_data(gateway: Start, tmp_path: Path) -> None:
    (tmp_path / "data" / "acme" / "models").mkdir(parents=True)
    (tmp_path / "data" / "acme" / "models" / "words.txt").write_text("with the project")
    (tmp_path / "kept").mkdir()
    kept = {"ALGO_DATA": str(tmp_path / "kept")}
    served = gateway(CODE, environment=kept, **FOR)
    ask = asks(served)
    assert ask("get", "data://acme/models/words.txt") == "with the project"
    assert ask("make", "data://.my/own") == "done"
    assert ask("read", "data://.my/own") == "public"
    assert ask("put", "data://acme/own/a b.txt", text="ä" * 1_000_000) == "done"
    assert ask("get", "data://acme/own/a b.txt") == "ä" * 1_000_000
    assert ask("list", "data://acme/own") == ["a b.txt"]
    assert ask("list", "data://acme") == ["models", "own"]
    assert ask("exists", "data://acme/own") == [False, True]
    assert ask("exists", "acme/own/a b.txt")[0] is True
    told = ask("fail", "data://acme/own/a c.txt")
    assert "nothing at data://acme/own/a c.txt: did you mean a b.txt?" in told
    assert "no path" in ask("fail", "data://acme/own/../../../secret")
    assert ask("delete", "data://acme/own/a b.txt") is True
    assert ask("delete", "data://acme/own", folder=True) is True
    assert ask("environment")["ALGO_DATA"] is None
    assert ask("report") == "done"
    assert served.stop() == 0
    assert any("insights: [{" in line and "score" in line for line in served.printed)


def test_a_head_has_the_headers_of_a_get(developed: Start, tmp_path: Path) -> None:
    folder = tmp_path / "kept" / "acme" / "models"
    folder.mkdir(parents=True)
    (folder / "small").write_bytes(b"12345")
    (folder / "large").write_bytes(bytes(3_000_000))
    served = developed(CODE, environment={"ALGO_DATA": str(tmp_path / "kept")}, **FOR)
    for path in ("/v1/data/acme/models", "/v1/data/acme/models/small", "/v1/data/acme/none"):
        head, whole = served.ask("HEAD", path), served.ask("GET", path)
        assert head.body == b""
        for name in ("content-length", "content-type", "x-data-type"):
            assert head.headers.get(name) == whole.headers.get(name)
        assert (head.status, int(head.headers["content-length"])) == (whole.status, len(whole.body))
    large = served.ask("HEAD", "/v1/data/acme/models/large")
    assert large.headers["content-length"] == "3000000"


def test_an_access_list_is_kept_to(folders: Folders) -> None:
    def refused(path: str, *, change: bool = False) -> bool:
        try:
            folders.check(path, change=change)
        except Failure as problem:
            assert (problem.status, problem.code) == (403, "data_forbidden")
            return True
        return False

    for name in ("own", "open", "shut", "named", "unsaid"):
        folders.make(f"other/{name}")
    put(folders, "other/shut/deep/a.txt", "a")
    folders.make("acmese/private")
    folders.let("acmese/private", [])
    folders.let("other/own", ["algo://.my/*"])
    folders.let("other/open", ["user://*"])
    folders.let("other/shut", [])
    folders.let("other/named", ["algo://AcmeSE/classifier"])
    assert not refused("acmese/private")
    assert not refused(".my/private", change=True)
    assert not refused("AcmeSE/models/weights")
    assert not refused(".session/x", change=True)
    assert not refused("other/unsaid/x", change=True)
    assert [name for name in ("own", "open", "shut", "named") if refused(f"other/{name}/x")] == [
        "own",
        "shut",
    ]
    assert refused("Other/shut/deep/a.txt")
    assert refused("other/open/x", change=True)


def test_another_owners_access_list_is_kept_to_by_the_api(gateway: Start, tmp_path: Path) -> None:
    (tmp_path / "kept" / "other" / "shut").mkdir(parents=True)
    (tmp_path / "kept" / "other" / "shut" / "a.txt").write_text("theirs")
    environment = {"ALGO_DATA": str(tmp_path / "kept")}
    served = gateway(CODE, environment=environment, **FOR)
    ask = asks(served)
    assert ask("get", "data://other/shut/a.txt") == "theirs"
    (tmp_path / "kept" / ".access.json").write_text('{"other/shut": []}')
    assert "only algorithms of other may read data://other/shut" in ask(
        "fail", "data://other/shut/a.txt"
    )


def test_a_connector_is_refused_with_what_to_do_instead(gateway: Start, tmp_path: Path) -> None:
    (tmp_path / "data" / "acme" / "models").mkdir(parents=True)
    (tmp_path / "data" / "acme" / "models" / "words.txt").write_text("here")
    served = gateway(CODE, **FOR)
    ask = asks(served)
    for path, package in (
        ("s3://bucket/a/b.txt", "boto3"),
        ("s3+Shared://bucket/b.txt", "boto3"),
        ("dropbox://b.txt", "dropbox"),
        ("azb://container/b.txt", "a client of azb"),
    ):
        told = ask("fail", path)
        assert told.lower().count(path.lower()) == 1
        assert "put the file to data/OWNER/COLLECTION/NAME in the project" in told
        assert f"({package})" in told
    environment = ask("environment")
    near = type(served).__new__(type(served))
    near.port = int(environment["ALGORITHMIA_API"].rpartition(":")[2])
    key = {"Authorization": f"Simple {environment['ALGORITHMIA_API_KEY']}"}
    file = near.ask("GET", "/v1/connector/data/acme/models/words.txt", headers=key)
    assert file.body == b"here"
    other = near.ask("GET", "/v1/connector/s3/bucket/b.txt", headers=key)
    assert (other.status, "s3://bucket/b.txt" in other.body.decode()) == (400, True)


def test_an_algorithm_calls_itself_by_any_spelling_and_others_are_told_as_missing(
    gateway: Start,
) -> None:
    served = gateway(CODE, serving={"workers": 2}, **FOR)
    ask = asks(served)
    text = {"do": "environment", "path": ""}
    assert ask("call", "Acme/It/0.1.x", text=text)["ALGORITHMIA_API"].startswith("http://127.")
    told = ask("call", "algo://util/Url2Text/0.1.4", text="x")
    assert told == [
        "there is no algorithm util/Url2Text: nothing here runs other algorithms",
        "no_such_algorithm",
    ]
    outside = served.post({"do": "nothing", "path": ""}, "/v1/algo/ACME/It")
    assert outside.json["result"] == "done"


def test_the_api_wants_its_key_and_a_published_image_shows_no_data(
    gateway: Start, tmp_path: Path
) -> None:
    served = gateway(CODE, **FOR)
    assert served.ask("GET", "/v1/data").status == 404
    environment = asks(served)("environment")
    address, key = environment["ALGORITHMIA_API"], environment["ALGORITHMIA_API_KEY"]
    near = type(served).__new__(type(served))
    near.port = int(address.rpartition(":")[2])
    for headers in ({}, {"Authorization": "Simple simWRONG"}):
        answer = near.ask("GET", "/v1/data", headers=headers)
        assert (answer.status, answer.code) == (401, "token_invalid")
    # In the path it counts, whatever a client sends beside it.
    assert near.ask("GET", f"/key/{key}/v1/data", headers=headers).status == 200
    wrong = near.ask("GET", "/key/simWRONG/v1/data", headers={"Authorization": f"Simple {key}"})
    assert wrong.status == 401


def test_an_address_that_the_environment_names_is_meant(gateway: Start) -> None:
    served = gateway(CODE, environment={"ALGORITHMIA_API": "http://127.0.0.1:9"}, **FOR)
    assert asks(served)("environment")["ALGORITHMIA_API"] == "http://127.0.0.1:9"


def test_algorithmias_own_client_reads_and_writes_data(
    developed: Start, client_python: Callable[[str], Path], tmp_path: Path
) -> None:
    many = tmp_path / "kept" / "acme" / "many"
    many.mkdir(parents=True)
    for number in range(1005):
        (many / f"{number:04}").touch()
    served = developed(CODE, environment={"ALGO_DATA": str(tmp_path / "kept")}, **FOR)
    script = ROOT / "tests" / "runtimes" / "clients" / "algorithmia_data.py"
    address = f"http://127.0.0.1:{served.port}"
    done = subprocess.run(
        [client_python("algorithmia"), script, address, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok"
