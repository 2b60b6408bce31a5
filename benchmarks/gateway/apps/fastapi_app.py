"""FastAPI and uvicorn: no isolation, no queue, the function runs on the event loop."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Input(BaseModel):
    """What is sent."""

    x: int


@app.post("/")
async def apply(value: Input) -> int:
    """Return x + 1."""
    return value.x + 1
