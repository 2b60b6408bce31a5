"""The Open Inference Protocol over HTTP, as the bytes go over the wire."""

from __future__ import annotations

import json
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import Answered, GatewayProcess

    Start = Callable[..., GatewayProcess]
    Client = Callable[[str], Path]

INFER = "/v2/models/it/infer"
ECHO = "def apply(value):\n    return value\n"
LENGTH = "Inference-Header-Content-Length"


def tensor(data: Any, shape: list[int], kind: str = "INT64", name: str = "input") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": kind, "data": data}


def infer(served: GatewayProcess, *tensors: dict[str, Any], **more: Any) -> Answered:
    return served.post({"inputs": tensors, **more}, INFER)


def outputs(served: GatewayProcess, *tensors: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = infer(served, *tensors, **more)
    assert answer.status == 200, answer.body
    return {one["name"]: one for one in answer.json["outputs"]}


def binary(head: dict[str, Any], *pieces: bytes, length: str = "") -> tuple[bytes, dict[str, str]]:
    text = json.dumps(head).encode()
    return b"".join([text, *pieces]), {LENGTH: length or str(len(text))}


def test_one_tensor_called_input_is_the_value_itself(gateway: Start) -> None:
    served = gateway(ECHO)
    for data in ([1, 2, 3, 4], [[1, 2], [3, 4]]):
        output = outputs(served, tensor(data, [2, 2]))["output"]
        assert output == {
            "name": "output",
            "datatype": "INT64",
            "shape": [2, 2],
            "data": [1, 2, 3, 4],
        }
    answer = infer(served, tensor([1.5], [1], "FP64"), id="a1")
    assert answer.json == {
        "id": "a1",
        "model_name": "it",
        "model_version": "1",
        "outputs": [{"name": "output", "datatype": "FP64", "shape": [1], "data": [1.5]}],
    }
    assert outputs(served, tensor([], [0], "FP32"))["output"]["shape"] == [0]
    assert outputs(served, tensor([7], [], "INT8"))["output"]["data"] == [7]


def test_other_names_are_the_fields_of_an_object(gateway: Start) -> None:
    served = gateway("def apply(value):\n    return {'keys': sorted(value), 'a': value['a']}\n")
    found = outputs(served, tensor([1], [1], name="a"))
    assert found["keys"]["data"] == ["a"]
    both = (tensor([True], [1], "BOOL", "b"), tensor(["x"], [1], "BYTES", "a"))
    found = outputs(served, *both)
    assert (found["keys"]["data"], found["a"]["data"]) == (["a", "b"], ["x"])


def test_an_annotated_scalar_takes_a_tensor_of_one_element(gateway: Start) -> None:
    served = gateway("def apply(number: int) -> float:\n    return number / 2\n")
    assert outputs(served, tensor([3], [1], name="any"))["output"]["data"] == [1.5]
    assert outputs(served, tensor([4], [1, 1], name="any"))["output"]["datatype"] == "FP64"
    refused = infer(served, tensor([3, 4], [2]))
    assert (refused.status, refused.json["code"]) == (400, "bad_tensor")
    assert "one value, not 2" in refused.json["error"]
    metadata = served.ask("GET", "/v2/models/acme%2Fit/versions/3").json
    assert metadata["inputs"] == [{"name": "input", "datatype": "INT64", "shape": [1]}]
    assert metadata["outputs"] == [{"name": "output", "datatype": "FP64", "shape": [1]}]


def test_the_fields_of_an_annotated_object_are_tensors(gateway: Start) -> None:
    served = gateway("""
        from typing import TypedDict

        class Scan(TypedDict):
            image: list[list[float]]
            label: str

        def apply(scan: Scan) -> dict:
            return {"rows": len(scan["image"]), "label": scan["label"]}
        """)
    inputs = served.ask("GET", "/v2/models/it").json["inputs"]
    assert {one["name"]: (one["datatype"], one["shape"]) for one in inputs} == {
        "image": ("FP64", [-1, -1]),
        "label": ("BYTES", [1]),
    }
    image = tensor([0, 1, 2, 3, 4, 5], [3, 2], "FP32", "image")
    found = outputs(served, image, tensor(["seven"], [1], "BYTES", "label"))
    assert (found["rows"]["data"], found["label"]["data"]) == ([3], ["seven"])


def test_what_has_no_tensor_is_json_in_text(gateway: Start) -> None:
    served = gateway("""
        def apply(value):
            return {"mixed": [1, "a"], "ragged": [[1], [2, 3]], "none": None, "big": 1 << 70,
                    "unsigned": [1 << 63], "mean": [1, 2.5], "flags": [True], "given": value}
        """)
    as_json = {"parameters": {"content_type": "application/json"}}
    found = outputs(served, {**tensor(['{"x": [1]}'], [1], "BYTES"), **as_json})
    for name, text in (("mixed", '[1,"a"]'), ("ragged", "[[1],[2,3]]"), ("none", "null")):
        assert (found[name]["datatype"], found[name]["data"]) == ("BYTES", [text])
        assert found[name]["parameters"] == as_json["parameters"]
    assert found["unsigned"]["datatype"] == "UINT64"
    assert found["mean"]["datatype"] == "FP64"
    assert found["flags"]["datatype"] == "BOOL"
    assert json.loads(found["given"]["data"][0]) == {"x": [1]}


def test_bytes_go_in_and_out_where_the_annotation_says_bytes(gateway: Start) -> None:
    served = gateway("""
        from typing import TypedDict

        class File(TypedDict):
            name: str
            content: bytes

        def apply(file: File) -> File:
            assert isinstance(file["content"], bytes), file
            return {"name": file["name"], "content": file["content"][::-1]}
        """)
    content = {**tensor(None, [1], "BYTES", "content"), "parameters": {"binary_data_size": 7}}
    name = tensor(["a.bin"], [1], "BYTES", "name")
    wanted = [{"name": "content", "parameters": {"binary_data": True}}, {"name": "name"}]
    body, headers = binary({"inputs": [name, content], "outputs": wanted}, b"\3\0\0\0\xff\0x")
    answer = served.ask("POST", INFER, body, headers)
    assert answer.status == 200, answer.body
    assert answer.body.endswith(b"\3\0\0\0x\0\xff")
    text = outputs(served, name, tensor(["abc"], [1], "BYTES", "content"))
    assert (text["content"]["data"], text["name"]["data"]) == (["cba"], ["a.bin"])


def test_declared_tensors_are_checked_named_and_converted(gateway: Start) -> None:
    tensors = {"inputs": {"image": "FP32[-1,2]"}, "outputs": {"scores": "FP32[-1]"}}
    served = gateway(
        "def apply(rows):\n    return [sum(r) for r in rows]\n", serving={"tensors": tensors}
    )
    metadata = served.ask("GET", "/v2/models/it").json
    assert metadata["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 2]}]
    found = outputs(served, tensor([1, 2, 3, 4], [2, 2], "FP32", "image"))
    assert (found["scores"]["datatype"], found["scores"]["data"]) == ("FP32", [3, 7])
    for given, text in (
        (tensor([1, 2], [1, 2], "FP32", "picture"), "the algorithm takes image"),
        (tensor([1, 2], [1, 2], "INT64", "image"), "it is INT64, and FP32 is taken"),
        (tensor([1, 2], [2, 1], "FP32", "image"), "[2, 1], and [-1, 2] is taken"),
    ):
        refused = infer(served, given)
        assert refused.status == 400 and text in refused.json["error"], refused.body


BAD_TENSORS = (
    (tensor([1, 2], [3]), "2 elements do not fit the shape [3]"),
    (tensor([[1], [2, 3]], [2, 2]), "do not fit the shape [2, 2]"),
    (tensor([1], [-1]), "negative"),
    (tensor([1.5], [1], "INT32"), "tensor 'input'"),
    (tensor([300], [1], "UINT8"), "tensor 'input'"),
    (tensor([2], [1], "BOOL"), "neither true nor false"),
    (tensor([1], [1], "BYTES"), "no text"),
    (tensor([1], [1], "INT128"), "no datatype 'INT128'"),
    (tensor([], [0, 1 << 40]), "too many rows"),
    (tensor([1], [1] * 33), "33 dimensions"),
    ({"name": "input", "shape": [1], "datatype": "INT8"}, "no data"),
    ({"name": "input", "shape": [1]}, "datatype"),
)


def test_a_bad_tensor_is_refused_with_its_name_and_why(gateway: Start) -> None:
    served = gateway(ECHO)
    for given, text in BAD_TENSORS:
        refused = infer(served, given)
        assert refused.status == 400 and text in refused.json["error"], (given, refused.body)


def test_binary_tensors_go_in_and_out(gateway: Start) -> None:
    served = gateway(ECHO)
    floats, halves = struct.pack("<3f", 1, -2.5, 3), bytes.fromhex("803f 20c0 c07f")
    words = b"\3\0\0\0abc\0\0\0\0"
    inputs = [
        {"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": size}}
        for name, kind, shape, size in (
            ("f", "FP32", [3, 1], 12),
            ("h", "BF16", [2], 4),
            ("w", "BYTES", [2], len(words)),
        )
    ]
    wanted = [
        {"name": "f", "parameters": {"binary_data": True}},
        {"name": "h"},
        {"name": "w", "parameters": {"binary_data": True}},
    ]
    body, headers = binary({"inputs": inputs, "outputs": wanted}, floats, halves[:4], words)
    answer = served.ask("POST", INFER, body, headers)
    assert answer.status == 200, answer.body
    head = json.loads(answer.body[: int(answer.headers[LENGTH.lower()])])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert head["outputs"][1]["data"] == [1, -2.5]
    pieces = answer.body[int(answer.headers[LENGTH.lower()]) :]
    assert pieces == struct.pack("<3d", 1, -2.5, 3) + words
    assert [one.get("parameters") for one in head["outputs"]] == [
        {"binary_data_size": 24},
        None,
        {"binary_data_size": len(words)},
    ]


BAD_LENGTHS: tuple[tuple[list[dict[str, Any]], bytes, str, str], ...] = (
    ([], b"", "9999", "9999"),
    ([], b"", "x", "'x'"),
    ([], b"", "", "no inputs"),
    ([{"binary_data_size": 8}], b"1234", "", "4 bytes are left"),
    ([{"binary_data_size": 4}], b"1234", "", "has 8 bytes, not 4"),
    ([{"binary_data_size": -1}], b"", "", "-1"),
    ([{"binary_data_size": 8}], b"123456789", "", "1 bytes behind"),
    ([{"shared_memory_region": "r"}], b"", "", "not supported"),
)


def test_a_binary_request_whose_lengths_do_not_fit_is_refused(gateway: Start) -> None:
    served = gateway(ECHO)
    for parameters, rest, length, text in BAD_LENGTHS:
        inputs = [
            {"name": "input", "shape": [1], "datatype": "INT64", "parameters": one}
            for one in parameters
        ]
        body, headers = binary({"inputs": inputs}, rest, length=length)
        refused = served.ask("POST", INFER, body, headers)
        assert refused.status == 400 and text in refused.json["error"], (rest, refused.body)


def test_errors_have_the_protocols_form(gateway: Start) -> None:
    served = gateway(
        "import time\n\ndef apply(value):\n    time.sleep(value[0])\n    return 1 / value[0]\n"
    )
    failed = infer(served, tensor([0], [1]))
    assert (failed.status, failed.json["code"]) == (500, "exception")
    assert failed.json["error"] == "ZeroDivisionError: division by zero"
    late = infer(served, tensor([0.4], [1], "FP64"), parameters={"timeout": 20_000})
    assert (late.status, late.json["code"]) == (504, "deadline_exceeded")
    malformed = served.post(b"{", INFER)
    assert (malformed.status, malformed.json["code"]) == (400, "malformed_json")
    other = served.ask("GET", "/v2/models/acme/another/ready")
    assert (other.status, other.json["code"]) == (404, "unknown_model")
    assert "acme/it" in other.json["error"]
    page = served.ask("GET", "/v2/models/acme/it/config")
    assert (page.status, page.json["error"]) == (404, "the model acme/it has no 'config' here")
    load = served.post({}, "/v2/repository/models/acme/it/load")
    assert (load.status, "always loaded" in load.json["error"]) == (404, True)
    nowhere = served.ask("GET", "/v2/systemsharedmemory/status").json["error"]
    assert nowhere == "there is nothing at /v2/systemsharedmemory/status"


def test_what_a_generator_yields_is_one_list(gateway: Start) -> None:
    served = gateway("def apply(value):\n    yield from value\n")
    assert outputs(served, tensor([1, 2, 3], [3]))["output"]["data"] == [1, 2, 3]


def test_requests_join_a_batch_as_calls(gateway: Start) -> None:
    served = gateway("""
        def apply_batch(inputs):
            return [[len(inputs), *one] for one in inputs]
        """)
    assert outputs(served, tensor([4], [1]))["output"]["data"] == [1, 4]


def test_statistics_count_what_succeeded_failed_and_waited(gateway: Start) -> None:
    served = gateway("""
        import time

        def apply(value):
            time.sleep(value[0])
            return 1 / value[0]
        """)
    infer(served, tensor([0], [1]))
    infer(served, tensor([0.01], [1], "FP64"))
    (statistics,) = served.ask("GET", "/v2/models/stats").json["model_stats"]
    assert statistics["inference_count"] == 1
    assert statistics["inference_stats"]["fail"]["count"] == 1
    assert statistics["inference_stats"]["compute_infer"]["ns"] >= 10_000_000
    slow = tensor([0.2], [1], "FP64")
    with ThreadPoolExecutor(2) as pool:
        statuses = {one.status for one in pool.map(lambda _: infer(served, slow), range(2))}
    (statistics,) = served.ask("GET", "/v2/models/stats").json["model_stats"]
    assert statuses == {200} and statistics["inference_stats"]["queue"]["ns"] > 10_000_000


ARRAYS = """
    from typing import Annotated, TypedDict

    import numpy as np
    from numpy.typing import NDArray

    class Scan(TypedDict):
        image: Annotated[np.ndarray, np.float32, (None, 2)]
        any: np.ndarray
        label: str

    def apply(scan: Scan) -> dict:
        assert scan["image"].dtype == np.float32
        return {"doubled": scan["image"].T * 2, "any": scan["any"], "label": scan["label"],
                "nan": np.array([np.nan]), "count": np.int64(scan["image"].size)}
    """


def test_arrays_go_to_and_from_numpy_as_they_are(gateway: Start, client_python: Client) -> None:
    served = gateway(ARRAYS, "--python", str(client_python("types")))
    inputs = served.ask("GET", "/v2/models/it").json["inputs"]
    assert {one["name"]: (one["datatype"], one["shape"]) for one in inputs} == {
        "image": ("FP32", [-1, 2]),
        "label": ("BYTES", [1]),
    }
    given = (
        tensor([1, 2, 3, 4, 5, 6], [3, 2], "FP64", "image"),
        tensor([1, 2], [2, 1], "UINT8", "any"),
        tensor(["seven"], [1], "BYTES", "label"),
    )
    wanted = [{"name": name} for name in ("doubled", "any", "label", "count")]
    found = outputs(served, *given, outputs=wanted)
    assert (found["doubled"]["datatype"], found["doubled"]["shape"]) == ("FP32", [2, 3])
    assert found["doubled"]["data"] == [2, 6, 10, 4, 8, 12]
    assert (found["any"]["datatype"], found["any"]["shape"]) == ("UINT8", [2, 1])
    assert (found["label"]["data"], found["count"]["data"]) == (["seven"], [6])
    nan = infer(served, *given, outputs=[{"name": "nan"}])
    assert (nan.status, nan.json["code"]) == (500, "result_not_finite")
    every = {"binary_data_output": True}
    answer = infer(served, *given, outputs=[{"name": "nan"}], parameters=every)
    assert answer.body.endswith(bytes.fromhex("000000000000f87f"))  # a NaN has a form as bytes
    wrong = infer(served, tensor([1, 2, 3], [1, 3], "FP32", "image"), *given[1:])
    assert (wrong.status, wrong.json["code"]) == (400, "invalid_input")
    assert "input.image" in wrong.json["error"]


def test_an_array_is_the_value_itself_in_every_datatype(
    gateway: Start, client_python: Client
) -> None:
    code = "import numpy as np\n\ndef apply(value: np.ndarray):\n    return value\n"
    served = gateway(code, "--python", str(client_python("types")))
    for kind, data in (("BOOL", [True]), ("INT8", [-1]), ("UINT64", [1 << 63]), ("FP16", [0.5])):
        output = outputs(served, tensor(data, [1], kind, "any"))["output"]
        assert (output["datatype"], output["data"]) == (kind, data)
    output = outputs(served, tensor([0.5], [1, 1], "BF16", "any"))["output"]
    assert (output["datatype"], output["shape"], output["data"]) == ("FP32", [1, 1], [0.5])


def test_the_metadata_follows_a_reload(developed: Start) -> None:
    served = developed("def apply(value: int) -> int:\n    return value\n")
    assert served.ask("GET", "/v2/models/it").json["inputs"][0]["datatype"] == "INT64"
    (served.app / "src" / "it.py").write_text("def apply(value: str) -> str:\n    return value\n")
    assert served.reload("src/it.py")["ok"]
    assert served.ask("GET", "/v2/models/it").json["inputs"][0]["datatype"] == "BYTES"
    assert outputs(served, tensor(["a"], [1], "BYTES", "x"))["output"]["data"] == ["a"]


def test_tensors_of_requests_that_come_together_are_one_array(
    gateway: Start, client_python: Client
) -> None:
    code = """
        import time
        from typing import Annotated

        import numpy as np

        Rows = Annotated[np.ndarray, np.float32, (None, 2)]

        def apply_batch(rows: Rows) -> Rows:
            time.sleep(0.05)
            return np.stack([rows[:, 0], np.full(len(rows), len(rows), np.float32)], 1)
        """
    served = gateway(code, "--python", str(client_python("types")))
    assert served.ask("GET", "/v2/models/it").json["inputs"][0]["shape"] == [2]

    def row(number: int) -> Any:
        return outputs(served, tensor([number, 0], [2], "FP32"))["output"]["data"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(row, range(8)))
    assert [first for first, _ in answers] == list(range(8))
    assert max(size for _, size in answers) > 1
