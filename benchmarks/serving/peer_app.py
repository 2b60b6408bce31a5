"""The sklearn template's own code behind FastAPI, as its users would write it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))

import digits  # noqa: E402
from fastapi import FastAPI  # noqa: E402

app = FastAPI()
state = digits.load({"classifier": str(ROOT / "models" / "digits_classifier.pkl")})


@app.post("/")
def call(body: dict[str, Any]) -> Any:
    """Answer one call."""
    return digits.apply(body, state)
