"""Jobs in `/openapi.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algo_gateway.http.openapi import Interface

Json = dict[str, Any]
_TIME = {"type": ["string", "null"], "format": "date-time"}
_WEBHOOK: Json = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "state": {"enum": ["waiting", "pending", "delivered", "failed"]},
        "attempts": {"type": "integer"},
        "status": {"type": "integer", "description": "Of the last answer."},
        "next": {"type": "string", "format": "date-time"},
    },
    "required": ["url", "state", "attempts"],
    "additionalProperties": False,
}
_RESULT: Json = {
    "type": "object",
    "properties": {
        "href": {"type": "string"},
        "content_type": {"type": "string"},
        "length": {"type": "integer"},
    },
    "required": ["href", "content_type", "length"],
    "additionalProperties": False,
}
_JOB: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "state": {"enum": ["queued", "running", "succeeded", "failed", "cancelled"]},
        "attempt": {"type": "integer", "description": "How often it was begun."},
        "created": {"type": "string", "format": "date-time"},
        "started": _TIME,
        "ended": _TIME,
        "result": _RESULT,
        "error": {"$ref": "#/components/schemas/Error/properties/error"},
        "webhook": _WEBHOOK,
    },
    "required": ["id", "state", "attempt", "created", "started", "ended"],
    "additionalProperties": False,
}
_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
}
_PREFER: Json = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=N` waits up to N seconds, at most 60, for the end.",
    "schema": {"type": "string"},
}


def describe_jobs(interface: Interface) -> None:
    """Add the paths of jobs."""
    job = interface.component("Job", _JOB)
    shown = {"description": "How the job stands.", "content": {"application/json": {"schema": job}}}
    taken = {**shown, "description": "The job is accepted, or has not ended."}
    one: Json = {"parameters": [_ID, _PREFER]}
    show = {"summary": "How a job stands", **one}
    answers = {"200": shown, **interface.errors("404", "503")}
    interface.add("GET HEAD", "/jobs/{id}", "job", {**show, "responses": answers})
    put = {
        "summary": "Order a job under an id of your own; the same again is the same job",
        **one,
        "requestBody": interface.request,
        "responses": {
            "200": shown,
            "202": taken,
            **interface.errors("400", "409", "413", "415", "429", "503"),
        },
    }
    interface.add("PUT", "/jobs/{id}", "job_put", put)
    cancel = {"summary": "Cancel a job", "parameters": [_ID], "responses": answers}
    interface.add("DELETE", "/jobs/{id}", "job_cancel", cancel)
    failed = interface.errors("400", "404", "410", "500", "502", "503", "504")
    result = {
        "summary": "The result of a job, as the call would have been answered",
        **one,
        "responses": {"200": interface.answer, "202": taken, **failed},
    }
    interface.add("GET HEAD", "/jobs/{id}/result", "job_result", result)
    listed = {
        "type": "object",
        "properties": {
            "jobs": {"type": "array", "items": job},
            "next": {"type": ["string", "null"], "description": "Where older ones are."},
        },
        "required": ["jobs", "next"],
        "additionalProperties": False,
    }
    content = {"application/json": {"schema": listed}}
    several = {
        "summary": "Jobs, the newest first",
        "parameters": [
            {"name": "state", "in": "query", "schema": _JOB["properties"]["state"]},
            {"name": "limit", "in": "query", "schema": _whole(1000)},
            {"name": "before", "in": "query", "schema": _whole(1 << 62)},
        ],
        "responses": {
            "200": {"description": "Some jobs.", "content": content},
            **interface.errors("400", "503"),
        },
    }
    interface.add("GET HEAD", "/jobs", "jobs", several)


def _whole(most: int) -> Json:
    return {"type": "integer", "minimum": 1, "maximum": most}
