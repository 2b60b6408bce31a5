"""The limit: granian answers the body that it got; nothing is behind it."""


async def app(scope, protocol):
    """Answer with the request's body."""
    body = await protocol()
    protocol.response_bytes(200, [("content-type", "application/json")], body)
