"""PIL images: a file as a whole body or in a form, or base64 in JSON."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any

from algo_runner.typed.kinds import Compiler, Kind
from algo_runner.typed.parts import File
from algo_runner.typed.problems import Bad
from algo_runner.typed.scalars import file_of

PNG = "image/png"
# Others are read by programs that PIL starts, or are no pictures.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF")
ACCEPTS = (PNG, "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff")


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of `PIL.Image.Image`."""
    pillow = sys.modules.get("PIL.Image")
    if pillow is None or annotation is not pillow.Image:
        return None
    texts = [mark for mark in metadata if isinstance(mark, str)]
    about = {"description": texts[0]} if texts else {}
    if compiler.output:
        schema = {"type": "string", "format": "uri", "description": "A data URL of a PNG."}
        return Kind(lambda value: value, schema | about, returns=(PNG,))
    schema = {"type": "string", "contentMediaType": "image/*", "contentEncoding": "base64"}
    return Kind(
        lambda value: _opened(pillow, value),
        {**schema, "format": "image", **about},
        frozenset({str}),
        whole=lambda body, kind: _read(pillow, body),
        accepts=ACCEPTS,
    )


def _opened(pillow: Any, value: Any) -> Any:
    return value if isinstance(value, pillow.Image) else _read(pillow, file_of(value)[0])


def _read(pillow: Any, content: bytes) -> Any:
    pillow.init()
    formats = [name for name in FORMATS if name in pillow.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            image = pillow.open(io.BytesIO(content), formats=formats)
            image.load()
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        kind = type(error).__name__
        text = "it is of no known kind" if kind == "UnidentifiedImageError" else str(error)
        name = content.filename if isinstance(content, File) else ""
        what = f"the file {name[:100]} cannot be read as an image" if name else ""
        final = isinstance(content, File)
        raise Bad(f"{what or 'the image cannot be read'}: {text}", final=final) from None
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        raise Bad(f"the image is too large: {str(error).partition(', could')[0]}") from None
    return image
