"""The endpoints that tell: health, metrics, and what is loaded."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from verifier_service._version import __version__
from verifier_service.admission import Phase
from verifier_service.front import RETRY_SOON_S, Front, problem_response
from verifier_service.metrics import EXPOSITION_TYPE
from verifier_service.problems import Kind
from verifier_service.wire import Health, ProfileList, ToolsetDetail, ToolsetList, ToolsetSummary

router = APIRouter()
health_router = APIRouter()
metrics_router = APIRouter()

_STALLED: Final = Kind.NOT_READY.problem("the event loop stands still")


@health_router.head("/healthz", include_in_schema=False, response_model=None)
@health_router.get("/healthz", tags=["health"], response_model=Health)
async def healthz(request: Request) -> Health | Response:
    """Whether the process runs; says nothing of its workers."""
    front: Front = request.app.state.front
    if front.pulse.stalled:
        return problem_response(_STALLED, retry_after_s=RETRY_SOON_S)
    return Health(status="ok", version=__version__)


@health_router.head("/readyz", include_in_schema=False, response_model=None)
@health_router.get("/readyz", tags=["health"], response_model=Health)
async def readyz(request: Request) -> Health | Response:
    """Whether requests are answered: everything loaded, workers alive, not shutting down."""
    front: Front = request.app.state.front
    runner = front.runner
    if front.admission.phase is not Phase.OPEN:
        problem = Kind.DRAINING.problem("the service is shutting down")
    elif front.pulse.stalled:
        problem = _STALLED
    elif not (runner.ready and runner.alive):
        problem = Kind.NOT_READY.problem(f"{runner.alive} of {runner.size} workers are alive")
    else:
        return Health(status="ready", version=__version__)
    return problem_response(problem, retry_after_s=RETRY_SOON_S)


@metrics_router.get("/metrics", tags=["health"], response_class=PlainTextResponse)
async def exposition(request: Request) -> Response:
    """All metrics in Prometheus' text format."""
    front: Front = request.app.state.front
    return Response(front.metrics.exposition(), media_type=EXPOSITION_TYPE)


@router.get("/reverify_mode", tags=["trainers"], operation_id="nemo_gym_reverify_mode_root")
@router.get("/nemo-gym/reverify_mode", tags=["trainers"], operation_id="nemo_gym_reverify_mode")
async def reverify_mode() -> Literal["stateless"]:
    """NeMo Gym: whether finished rollouts can be verified again, and what that needs."""
    return "stateless"


@router.get("/toolsets", tags=["catalog"])
async def toolsets(request: Request) -> ToolsetList:
    """The loaded toolsets."""
    front: Front = request.app.state.front
    return ToolsetList(
        toolsets=[
            ToolsetSummary(
                name=toolset.name,
                digest=toolset.digest,
                description=toolset.description,
                tools=[tool.function.name for tool in toolset.tools],
            )
            for _, toolset in sorted(front.catalog.toolsets.items())
        ]
    )


@router.get("/toolsets/{name}", tags=["catalog"], response_model=ToolsetDetail)
async def toolset(name: str, request: Request) -> ToolsetDetail | Response:
    """One toolset: its tools' schemas as a model would be shown them."""
    front: Front = request.app.state.front
    found = front.catalog.toolsets.get(name)
    if found is None:
        loaded = ", ".join(sorted(front.catalog.toolsets)) or "none"
        return problem_response(
            Kind.NOT_FOUND.problem(f"no such toolset is loaded; there is: {loaded}")
        )
    return found


@router.get("/profiles", tags=["catalog"])
async def profiles(request: Request) -> ProfileList:
    """The loaded reward profiles."""
    front: Front = request.app.state.front
    return ProfileList(profiles=[entry for _, entry in sorted(front.catalog.profiles.items())])
