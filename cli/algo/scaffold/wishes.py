"""From what somebody calls a template to the one that is meant, or that may be."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SMALLEST = "minimal"


def meant(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the templates that `name` stands for: one where it is clear, none where it is none.

    A language alone is its smallest template, a template without its language every one of that
    name, and any other name itself.
    """
    if name in known:
        return (name,)
    smallest = f"{name}/{_SMALLEST}"
    if smallest in known:
        return (smallest,)
    return tuple(one for one in known if one.partition("/")[2] == name)


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the template of `known` that is most like `name`, empty where none is like it.

    Of a name with a language (`ruby/similar`, `js/onnx`) it is one of that language.
    """
    head, slash, tail = name.lower().partition("/")
    languages = list(dict.fromkeys(one.partition("/")[0] for one in known))
    templates = list(dict.fromkeys(one.partition("/")[2] for one in known))
    if not slash:
        near = _like(head, [*languages, *templates]) or _short(head, languages)
        return next(iter(meant(near, known)), "")
    language = _like(head, languages) or _short(head, languages)
    if not language:
        return next(iter(meant(_like(tail, templates), known)), "")
    same = [one for one in known if one.partition("/")[0] == language]
    near = _like(tail, [one.partition("/")[2] for one in same])
    return f"{language}/{near}" if near else next(iter(meant(language, same)), same[0])


def _like(word: str, words: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(word, words, n=1)), "")


def _short(word: str, languages: Sequence[str]) -> str:
    """Return the language that `word` is short for (`js`, `py`), or that it begins with."""
    short = [one for one in languages if len(word) > 1 and _within(word, one)]
    longer = [one for one in languages if len(one) > 1 and word.startswith(one)]
    return next(iter([*short, *longer]), "")


def _within(word: str, language: str) -> bool:
    """Tell whether the letters of `word` stand in `language` in their order, from the first on."""
    letters = iter(language)
    return word[:1] == language[:1] and all(letter in letters for letter in word)
