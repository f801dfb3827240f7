"""The same HTTP stack with nothing behind it: every request gets the same answer.

python -m benchmarks.peers.static PORT FILE asgi      # uvicorn, uvloop, httptools, plain ASGI
python -m benchmarks.peers.static PORT FILE fastapi   # the same with a FastAPI route
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.measure import still_memory


def plain(answer: bytes) -> ASGIApp:
    """Reads the body, answers."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


def fastapi(answer: bytes) -> ASGIApp:
    """The same as a route of FastAPI."""
    app = FastAPI()

    @app.post("/score")
    async def score(request: Request) -> Response:
        await request.body()
        return Response(answer, media_type="application/json")

    return app


APPS: dict[str, Callable[[bytes], ASGIApp]] = {"asgi": plain, "fastapi": fastapi}


def main(port: str, file: str, name: str) -> None:
    app = APPS[name](Path(file).read_bytes())
    still_memory()
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, lifespan="off"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
