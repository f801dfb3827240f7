"""NeMo Gym's resources server, whole: verify, sessions, tools and metrics.

Who speaks it, and with which base URL:

- the taskset `nemo_gym` of verifiers and prime-rl: `task.resources_url = http://host:8080/nemo-gym`
- Axolotl's NeMo Gym plugin, which builds `http://host:port/verify`: the root has the same paths,
  all but the tools
- NeMo Gym and NeMo RL, which start resources servers themselves: they are given the directory
  `examples/resources_servers/tool_call_verifier`, which forwards here

`verify` takes a dataset row with `responses_create_params` and `response` added. The task stands
among the members of the row, or in its member `carrier`; tools are those of the task, else those of
`?toolset=`, else those that the policy was shown. The answer is the request itself and, beside it,
`reward`, `reward_components`, `verdict` and one number a measure. The components add up to the
reward, as NeMo RL requires. Of a row's own members, `reward`, `reward_components` and `verdict` are
replaced; one that is named like a measure is replaced only if it is a number, because then it comes
from an earlier answer: Gym verifies finished rollouts again.

Every call is validated and executed anew. What `function_call_output` items say is not judged: the
policy writes none of them. But where one of them is this service's own excuse (its queue was full,
a tool broke), the rollout was spoiled by us and the request is refused with 503.

A response that ended without a word (`output` is empty, or holds thoughts alone) is the policy's
silence, and judged as an empty completion is. Items that are all somebody else's (tool outputs,
users' messages) show no answer to judge, and are refused with 422.

`seed_session` chooses the tools of a session and sets a cookie; the tools are called at
`/nemo-gym/{tool}`. The cookie is the session, so any replica answers, and every answer sets it
again, as Gym's agents expect; see `verifier_service.gym_session`. verifiers 0.4 keeps the first
cookie: there each call finds the world as it was in the beginning, while `verify` runs all calls in
one world. Tool names with a slash cannot be called, nor can those that the protocol has taken.

Source: nemo-gym 0.4.0, `nemo_gym/base_resources_server.py`, `nemo_gym/reward_profile.py` and
`responses_api_agents/simple_agent/app.py`; NeMo RL 0.6, `nemo_rl/experience/rollouts.py`; verifiers
0.4, `verifiers/v1/tasksets/nemo_gym/`; axolotl 0.18, `src/axolotl/integrations/nemo_gym/`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, RootModel
from typing_extensions import TypedDict

from verifier_service.carrier import NESTED, Json
from verifier_service.conversation import ASSISTANT, NoCompletion
from verifier_service.wires.rows import sample_in
from verifier_service.wires.types import Errand, Query, Result, Sample, Spoiled, Trainers, Wire

PREFIX: Final = "/nemo-gym"
RESERVED: Final = frozenset(
    {"verify", "seed_session", "aggregate_metrics", "reverify_mode", "mcp", "reset", "step"}
)
"""Paths of the protocol, after which no tool can be named."""

EXCUSES: Final = frozenset(
    f"urn:verifier:problem:{slug}"
    for slug in (
        "bad-request", "unauthorized", "body-timeout", "queue-full", "internal", "not-ready",
        "draining", "worker-failure", "unscored",
    )
)  # fmt: skip
"""Problems that a tool call may be answered with and that no policy can cause."""

_TASK_INDEX: Final = "_ng_task_index"
_ROLLOUT_INDEX: Final = "_ng_rollout_index"


# Verify


class ResponsesParams(TypedDict, total=False):
    """What the policy was asked: a request of the Responses API."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    tools: list[dict[str, Json]] | None


class ResponsesResponse(TypedDict):
    """What came of it: a response of the Responses API."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    output: Annotated[list[dict[str, Json]], Field(fail_fast=True)]


class NemoGymRow(Trainers):
    """A dataset row, whose members hold the task."""

    responses_create_params: ResponsesParams = Field(
        default_factory=ResponsesParams, description="Its `tools` serve where the task names none."
    )

    @property
    def others(self) -> dict[str, Json]:
        return dict(self.model_extra or {})


class NemoGymVerifyRequest(NemoGymRow):
    """A dataset row and the rollout that it led to."""

    responses_create_params: ResponsesParams
    response: ResponsesResponse


class NemoGymVerifyAnswer(BaseModel):
    """The request and its reward. Other numbers at the top become metrics."""

    model_config = ConfigDict(extra="allow")

    responses_create_params: dict[str, Json] = Field(description="As in the request.")
    response: dict[str, Json] = Field(description="As in the request.")
    reward: float
    reward_components: dict[str, float] = Field(
        description="Add up to the reward; the same names for every sample."
    )
    verdict: dict[str, Json] = Field(description="As in the answer of `POST /score`.")


def read(request: NemoGymVerifyRequest, query: Query) -> Sequence[Sample]:
    items = request.response["output"]
    sample = task_in(request, query, _completion(items))
    for index, item in enumerate(items):
        if _is_excuse(item):
            message = "a tool call failed on our side, which spoiled this rollout; sample it again"
            at = f"/response/output/{index}"
            return [Sample(None, Spoiled("", message), at, at)]
    return [sample]


def task_in(row: NemoGymRow, query: Query, completion: Json = "") -> Sample:
    """The task of a row. Beside a whole carrier nothing else in the row is ours."""
    members = row.others
    if members.get(NESTED) is not None:
        members = {NESTED: members[NESTED]}
    shown = members.get("tools") or row.responses_create_params.get("tools")
    return sample_in({**members, "tools": shown}, None, completion, query, "", "/response/output")


def write(request: NemoGymVerifyRequest, results: Sequence[Result], _query: Query) -> Json:
    [result] = results
    row = request.others
    measured = {
        name: value for name, value in result.measures.items() if _is_number(row.get(name, 0))
    }
    return {
        **row,
        "responses_create_params": request.responses_create_params,
        "response": request.response,
        **measured,
        "reward": result.reward,
        "reward_components": result.shares,
        "verdict": result.verdict,
    }


_NOT_THE_POLICYS: Final = (
    "none of the output's items is the policy's, so nothing to judge; send all items of the rollout"
)


def _completion(items: Sequence[Mapping[str, Json]]) -> Json | NoCompletion:
    """What the policy wrote: nothing, if there are no items."""
    messages = _messages(items)
    if any(message["role"] == ASSISTANT for message in messages):
        return messages
    return NoCompletion(_NOT_THE_POLICYS) if items else ""


def _messages(items: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """The chat messages that a response's output items stand for: one for each turn."""
    messages: list[dict[str, Json]] = []
    turn: dict[str, Json] | None = None
    for item in items:
        kind = item.get("type", "message")
        if kind in _OUTPUTS:
            turn = None
            continue
        if kind == "message" and item.get("role", ASSISTANT) != ASSISTANT:
            turn = None
            messages.append({"role": item["role"], "content": item.get("content")})
            continue
        if turn is None:
            turn = {"role": ASSISTANT, "content": [], "tool_calls": []}
            messages.append(turn)
        _add(turn, kind, item)
    return messages


_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")
_CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
"""By type of a calling item: the member that holds the arguments."""


def _add(turn: dict[str, Json], kind: Json, item: Mapping[str, Json]) -> None:
    """Let a turn say what an item says."""
    if kind == "message":
        content = item.get("content") or []
        turn["content"] += content if isinstance(content, list) else [_text(content)]
    elif kind == "reasoning":
        parts = [*_listed(item.get("summary")), *_listed(item.get("content"))]
        texts = (part.get("text") for part in parts if isinstance(part, dict))
        thought = "\n".join(text for text in texts if isinstance(text, str))
        turn["reasoning_content"] = "\n".join(
            filter(None, (turn.get("reasoning_content"), thought))
        )
    elif isinstance(kind, str) and kind in _CALLS:
        called = {"name": item.get("name"), "arguments": item.get(_CALLS[kind])}
        call = {"id": item.get("call_id"), "type": "function", "function": called}
        turn["tool_calls"].append(call)
    else:  # As a part that nobody knows: what calls a tool in it does not go unseen.
        turn["content"].append(dict(item))


def _text(content: Json) -> Json:
    return {"type": "output_text", "text": content}


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _is_excuse(item: Mapping[str, Json]) -> bool:
    """Whether a tool's output is a problem of ours that took the place of a result."""
    output = item.get("output")
    if item.get("type") not in _OUTPUTS or not isinstance(output, str) or "urn:" not in output:
        return False
    try:
        said = json.loads(output)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and str(said.get("type")) in EXCUSES


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


WIRE: Final = Wire(
    name="nemo_gym",
    paths=("/verify", f"{PREFIX}/verify"),
    summary="NeMo Gym: verify a rollout",
    request=NemoGymVerifyRequest,
    answer=NemoGymVerifyAnswer,
    read=read,
    write=write,
    deadline_s=25.0,
)


# What Gym asks besides rewards


class NemoGymTool(RootModel[Json]):
    """Arguments of one call; anything but an object is told to the model."""


class NemoGymToolAnswer(RootModel[Json]):
    """What the tool returned, as the model shall read it."""


class NemoGymToolError(BaseModel):
    """Why there is no result, in words that the model may read."""

    error: str


class NemoGymSession(BaseModel):
    """Nothing: the session is in the cookie."""


class NemoGymMetricsRequest(Trainers):
    """Answers of `verify`, without their texts."""

    verify_responses: Annotated[list[dict[str, Json]], Field(fail_fast=True)]


class NemoGymMetrics(BaseModel):
    """Means and deviations of all numbers at the top of the answers, but of no index."""

    group_level_metrics: list[dict[str, Json]] = Field(description="By task, in order.")
    agent_metrics: dict[str, float] = Field(description="Over all answers: `mean/reward`, …")
    key_metrics: dict[str, float] = Field(description="The means among them.")


def aggregate(request: NemoGymMetricsRequest) -> Json:
    """The statistics of Gym's own servers: mean, max, min, median and std of every number."""
    tasks = defaultdict[Json, list[Mapping[str, Json]]](list)
    for answer in request.verify_responses:
        index = answer.get(_TASK_INDEX)
        tasks[index if isinstance(index, int) else 0].append(answer)
    overall = _statistics(request.verify_responses)
    groups = [
        {_TASK_INDEX: index, **_statistics(tasks[index]), "num_rollouts": len(tasks[index])}
        for index in sorted(tasks)
    ]
    means = {name: value for name, value in overall.items() if name.startswith("mean/")}
    return {"group_level_metrics": groups, "agent_metrics": overall, "key_metrics": means}


def _statistics(answers: Sequence[Mapping[str, Json]]) -> dict[str, float]:
    columns = defaultdict[str, list[float]](list)
    for answer in answers:
        for name, value in {**answer, **_usage(answer)}.items():
            if name not in {_TASK_INDEX, _ROLLOUT_INDEX} and isinstance(value, int | float):
                columns[name].append(float(min(max(value, -_LARGEST), _LARGEST)))
    return {
        f"{statistic}/{name}": measure(values)
        for name, values in columns.items()
        for statistic, measure in _STATISTICS.items()
    }


def _usage(answer: Mapping[str, Json]) -> Mapping[str, Json]:
    """Tokens of a rollout."""
    response = answer.get("response")
    usage = response.get("usage") if isinstance(response, dict) else None
    return usage if isinstance(usage, dict) else {}


_LARGEST: Final = 1e150
"""Beyond, a deviation is no double any more."""


def _deviation(values: Sequence[float]) -> float:
    mean, others = fmean(values), len(values) - 1
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / others) if others else 0.0


_STATISTICS: Final[Mapping[str, Any]] = {
    "mean": fmean, "max": max, "min": min, "median": median, "std": _deviation,
}  # fmt: skip

SEED: Final = Errand(
    name="nemo_gym_seed",
    paths=("/seed_session", f"{PREFIX}/seed_session"),
    summary="NeMo Gym: begin a session of tool calls",
    request=NemoGymRow,
    answer=NemoGymSession,
    settings=True,
)
METRICS: Final = Errand(
    name="nemo_gym_metrics",
    paths=("/aggregate_metrics", f"{PREFIX}/aggregate_metrics"),
    summary="NeMo Gym: statistics of many answers",
    request=NemoGymMetricsRequest,
    answer=NemoGymMetrics,
)
TOOL: Final = Errand(
    name="nemo_gym_tool",
    paths=(f"{PREFIX}/{{tail}}",),
    summary="NeMo Gym: call a tool of a session",
    request=NemoGymTool,
    answer=NemoGymToolAnswer,
    errors=NemoGymToolError,
    error_statuses=(404, 422),
)
ERRANDS: Final = (SEED, METRICS, TOOL)
