"""Algorithmia's own client with its address changed; the algorithm is `LEGACY`."""

import sys

import Algorithmia
from Algorithmia.algorithm import OutputType
from Algorithmia.errors import AlgorithmException


def failing(algorithm, value):
    try:
        algorithm.pipe(value)
    except AlgorithmException as error:
        return error
    raise AssertionError(f"{value!r} did not fail")


def main(address):
    client = Algorithmia.client("simKEY", address)
    algorithm = client.algo("acme/it/1.0.0")

    got = algorithm.pipe({"x": [1, 2.5, None, "é"]})
    assert got.result == {"x": [1, 2.5, None, "é"]}, got
    assert got.metadata.content_type == "json" and got.metadata.duration > 0
    assert algorithm.pipe(None).result is None
    assert algorithm.pipe([1]).result == [1]
    got = algorithm.pipe("zwölf")
    assert (got.result, got.metadata.content_type) == ("zwölf", "text")
    got = algorithm.pipe(bytearray(b"\x00\xff"))
    assert (got.result, got.metadata.content_type) == (b"\x00\xff", "binary")
    assert algorithm.pipe({"stream": 3}).result == [0, 1, 2]

    error = failing(algorithm, {"refuse": "too small"})
    assert (error.message, error.error_type) == ("too small", "too_small"), vars(error)
    error = failing(algorithm, {"raise": 1})
    assert error.error_type == "ZeroDivisionError", vars(error)
    assert error.message == "ZeroDivisionError: division by zero", vars(error)
    assert 'it.py", line' in error.stack_trace, error.stack_trace

    limited = client.algo("acme/it").set_options(timeout=0.1)
    error = failing(limited, {"sleep": 0.4})
    assert error.error_type == "deadline_exceeded" and "0.1 s" in error.message, vars(error)
    assert algorithm.pipe(1).result == 1

    talking = client.algo("acme/it").set_options(stdout=True)
    got = talking.pipe({"print": "two\nlines"})
    assert got.metadata.stdout == "two\nlines\n", got.metadata.stdout
    assert algorithm.pipe({"print": "quiet"}).metadata.stdout is None

    raw = client.algo("acme/it").set_options(output=OutputType.raw)
    assert raw.pipe({"a": 1}) == '{"a":1}'
    assert raw.pipe("plain") == "plain"
    void = client.algo("acme/it").set_options(output=OutputType.void)
    answer = void.pipe({"a": 1})
    assert answer.async_protocol == "void" and answer.request_id, answer

    try:
        client.algo("acme/other").pipe(1)
    except Exception as error:
        assert "404" in str(error), error
    else:
        raise AssertionError("another algorithm was found")
    print(answer.request_id)
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
