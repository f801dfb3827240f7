"""NeMo Gym's resources server for tool calls: every request goes on to a running verifier service.

Gym starts resources servers itself, from a directory such as this one. Rewards, tools and sessions
are the service's; nothing is decided here. What the service refuses is refused with its own status
and words, so an outage is never a reward. Lost connections are Gym's own client's to retry.
"""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import urlopen

from aiohttp import ClientError
from fastapi import FastAPI, Request, Response
from nemo_gym.base_resources_server import BaseResourcesServerConfig, SimpleResourcesServer
from nemo_gym.server_utils import is_nemo_gym_fastapi_entrypoint
from nemo_gym.server_utils import request as send
from pydantic import field_validator

SESSION = "verifier_session"
START_S = 10.0
EXCUSE = '{"type": "urn:verifier:problem:not-ready", "title": "No answer", "status": 503}'
"""As the service's own: where it took the place of a tool's result, `verify` gives no reward."""


class ToolCallVerifierConfig(BaseResourcesServerConfig):
    """What `configs/tool_call_verifier.yaml` sets."""

    url: str
    """Of the service: `http://host:8080`. A name and password in it are sent as HTTP Basic."""
    api_key: str | None = None
    toolset: str | None = None
    """For rows that name none."""
    profile: str | None = None
    """For rows that name none."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url must be the address of the service, such as http://host:8080")
        return url.rstrip("/")


class ToolCallVerifier(SimpleResourcesServer):
    """Verifies rollouts and runs tools. `aggregate_metrics` is Gym's own."""

    config: ToolCallVerifierConfig

    def setup_webserver(self) -> FastAPI:
        """The routes.

        Raises:
            OSError: The service does not answer.
        """
        self.require_service()
        app = super().setup_webserver()
        app.get("/reverify_mode")(self.reverify_mode)
        app.post("/{tool}")(self.call_tool)
        return app

    def require_service(self) -> None:
        """Better no server than one whose every rollout waits."""
        parts = urlsplit(self.config.url)
        shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        try:
            with closing(urlopen(f"{shown}/readyz", timeout=START_S)):  # noqa: S310 an address
                pass
        except OSError as error:
            raise OSError(f"no verifier service is ready at {shown}: {error}") from None

    async def seed_session(self, request: Request) -> Response:
        return await self.forward("seed_session", request)

    async def verify(self, request: Request) -> Response:
        return await self.forward("verify", request)

    async def call_tool(self, tool: str, request: Request) -> Response:
        return await self.forward(tool, request)

    async def reverify_mode(self) -> str:
        return "stateless"

    async def forward(self, path: str, request: Request) -> Response:
        """The service's answer to a request, and its session."""
        headers = {"Content-Type": "application/json"}
        if self.config.api_key:
            headers["Authorization"] = f"Bearer {self.config.api_key}"
        session = request.cookies.get(SESSION)
        settings = {"toolset": self.config.toolset, "profile": self.config.profile}
        query = urlencode({name: value for name, value in settings.items() if value})
        try:
            answer = await send(
                "POST",
                f"{self.config.url}/nemo-gym/{path}" + (f"?{query}" if query else ""),
                data=await request.body(),
                headers=headers,
                cookies={SESSION: session} if session else None,
            )
            content = await answer.read()
        except (ClientError, OSError):
            return Response(EXCUSE, 503, media_type="application/problem+json")
        reply = Response(content, answer.status, media_type=answer.content_type)
        if SESSION in answer.cookies:
            reply.set_cookie(SESSION, answer.cookies[SESSION].value, httponly=True)
        return reply


if __name__ == "__main__":
    ToolCallVerifier.run_webserver()
elif is_nemo_gym_fastapi_entrypoint(__file__):
    app = ToolCallVerifier.run_webserver()
