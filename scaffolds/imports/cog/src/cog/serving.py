"""Call a predictor: its parameters as one input, its result as it goes out."""

import base64
import dataclasses
import functools
import inspect
import io
import mimetypes
import os
import shutil
import tempfile
import types
import typing
from collections.abc import AsyncIterator, Iterator

from cog.inputs import NOTHING, InputInfo
from cog.types import AsyncConcatenateIterator, ConcatenateIterator, File, Path, Secret

_STREAMS = {Iterator, ConcatenateIterator, AsyncIterator, AsyncConcatenateIterator}


def input_type(predictor):
    """Return a dataclass with a field for each parameter of the predictor."""
    method = _method(predictor)
    hints = typing.get_type_hints(method, include_extras=True)
    fields = []
    for parameter in _parameters(method):
        about = parameter.default
        about = about if isinstance(about, InputInfo) else InputInfo(_given(about))
        kind = _annotated(_sent(hints.get(parameter.name, typing.Any)), about)
        fields.append((parameter.name, kind, _field(kind, about.default)))
    made = dataclasses.make_dataclass("Input", fields, kw_only=True)
    made.__doc__ = inspect.getdoc(method) or ""
    return made


def output_type(predictor):
    """Return the annotation of the result, or of the pieces of a stream."""
    hints = typing.get_type_hints(_method(predictor))
    kind = hints.get("return", typing.Any)
    if typing.get_origin(kind) in _STREAMS:
        pieces = typing.get_args(kind) or (typing.Any,)
        return Iterator[_told(pieces[0])]
    return _told(kind)


def set_up(predictor):
    """Return an instance that is ready; of an asynchronous `setup` what is to be awaited."""
    if not inspect.isclass(predictor):
        return predictor
    made = predictor()
    setup = getattr(made, "setup", None)
    if setup is None:
        return made
    done = setup(None) if "weights" in inspect.signature(setup).parameters else setup()
    return _afterwards(done, made) if inspect.isawaitable(done) else made


def answer(state, given):
    """Call the predictor; a stream is a generator, an asynchronous call is to be awaited."""
    method = state if inspect.isroutine(state) else _method(state)
    folder = tempfile.mkdtemp(prefix="cog-")
    hints = _hints(getattr(method, "__func__", method))
    values = {
        field.name: _received(getattr(given, field.name), hints.get(field.name), folder)
        for field in dataclasses.fields(given)
    }
    result = method(**values)
    if inspect.isgenerator(result) or isinstance(result, Iterator):
        return _pieces(result, folder)
    if inspect.isasyncgen(result):
        return _pieces_async(result, folder)
    if inspect.isawaitable(result):
        return _awaited(result, folder)
    return _leaving(result, folder)


@functools.cache
def _hints(function):
    return typing.get_type_hints(function)


async def finished(value):
    """Return a value, or what comes of it when it is to be awaited."""
    return await value if inspect.isawaitable(value) else value


def _method(predictor):
    if inspect.isroutine(predictor):
        return predictor
    method = getattr(predictor, "run", None) or getattr(predictor, "predict", None)
    if method is None:
        raise TypeError(f"{predictor!r} has neither run nor predict")
    return method


def _parameters(method):
    return [one for one in inspect.signature(method).parameters.values() if one.name != "self"]


def _given(default):
    return NOTHING if default is inspect.Parameter.empty else default


def _field(kind, default):
    if default is NOTHING:
        optional = type(None) in typing.get_args(_bare(kind))
        return dataclasses.field(default=None) if optional else dataclasses.field()
    if isinstance(default, list | dict | set):
        return dataclasses.field(default_factory=lambda: type(default)(default))
    return dataclasses.field(default=default)


def _bare(kind):
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind


def _annotated(kind, about):
    if about.choices:
        kind = typing.Literal[tuple(about.choices)]
    if about.default is None and type(None) not in typing.get_args(kind):
        kind = kind | None
    keywords = about.keywords()
    return typing.Annotated[kind, keywords] if keywords else kind


def _sent(kind):
    """Return what a caller sends for a parameter of this type."""
    if inspect.isclass(kind) and issubclass(kind, os.PathLike | io.IOBase):
        return bytes
    if kind is Secret:
        return str
    return _within(kind, _sent)


def _told(kind):
    """Return what goes out for a result of this type: inside others a file is a data URL."""
    if inspect.isclass(kind) and issubclass(kind, os.PathLike | io.IOBase):
        return bytes
    inner = _within(kind, lambda one: str if _told(one) is bytes else _told(one))
    known = (bool, int, float, str, bytes, dict, list, type(None), typing.Any)
    return inner if inner in known or typing.get_origin(inner) else typing.Any


def _within(kind, change):
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(change(one) for one in inner)]
    if origin in (list, dict, tuple, set):
        return origin[tuple(one if one is ... else change(one) for one in inner)]
    return kind


def _received(value, kind, folder):
    """Return an input as the predictor takes it: a file on the disk, an open one, a secret."""
    if isinstance(value, list):
        return [_received(one, (typing.get_args(kind) or (None,))[0], folder) for one in value]
    if isinstance(value, bytes):
        opened = File in (kind, *typing.get_args(kind))
        path = _stored(value, folder)
        return path.open("rb") if opened else path
    if isinstance(value, str) and Secret in (kind, *typing.get_args(kind)):
        return Secret(value)
    return value


def _stored(content, folder):
    name = os.path.basename(getattr(content, "filename", "") or "")
    suffix = mimetypes.guess_extension(getattr(content, "content_type", "") or "") or ""
    handle, path = tempfile.mkstemp(dir=folder, suffix=f"-{name}" if name else suffix)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return Path(path)


def _sendable(value):
    """Return a result as it goes out: the bytes of a file."""
    if isinstance(value, os.PathLike):
        with open(value, "rb") as file:
            return file.read()
    if isinstance(value, io.IOBase):
        content = value.read()
        return content.encode() if isinstance(content, str) else content
    return _inside(value)


def _inside(value):
    if isinstance(value, os.PathLike | io.IOBase):
        kind = mimetypes.guess_type(str(getattr(value, "name", value)))[0]
        content = base64.b64encode(_sendable(value)).decode()
        return f"data:{kind or 'application/octet-stream'};base64,{content}"
    if isinstance(value, dict):
        return {key: _inside(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_inside(one) for one in value]
    if hasattr(value, "tolist") and hasattr(value, "_fields"):
        return _inside(value.tolist())
    if hasattr(value, "model_dump"):
        return _inside(value.model_dump())
    return value


def _leaving(result, folder):
    try:
        return _sendable(result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pieces(result, folder):
    try:
        for piece in result:
            yield _sendable(piece)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _pieces_async(result, folder):
    try:
        async for piece in result:
            yield _sendable(piece)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _awaited(result, folder):
    return _leaving(await result, folder)


async def _afterwards(done, made):
    await done
    return made
