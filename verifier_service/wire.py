"""Request and response models: the whole JSON contract of the service.

Requests are closed and strict: an unknown field, a missing one or a value of another JSON type is
refused, because a misspelt option must not silently change rewards. `null` means the same as
leaving an optional field out. Responses may gain fields in later versions.

The scoring processes validate with these models; the OpenAPI document is made from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.types import Behavior, Observed, Options, Outcome, SpanKind, Tier

Detail: TypeAlias = Literal["reward", "verdict", "full"]

BRANCHES: Final = frozenset({"<text>", "<message>", "<messages>"})
"""Branches of a completion as pydantic names them in the location of a fault; never field names."""


def _completion_branch(value: object) -> str | None:
    """The branch that is meant, by JSON type alone, so that one fault is reported once."""
    if isinstance(value, str):
        return "<text>"
    if isinstance(value, list):
        return "<messages>"
    return "<message>" if isinstance(value, dict) else None


Message: TypeAlias = dict[str, Json]
Completion: TypeAlias = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[list[Message], Field(fail_fast=True), Tag("<messages>")]
    | Annotated[Message, Tag("<message>")],
    Discriminator(
        _completion_branch,
        custom_error_type="completion_type",
        custom_error_message="must be a text, a message object or a list of message objects",
    ),
]
"""What the policy wrote: text, one assistant message, or a trajectory of messages."""


@dataclass(frozen=True, slots=True)
class _OneFault:
    """Annotates a union: a value that fits no branch is one fault, not one for each branch."""

    code: str
    message: str

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), custom_error_type=self.code, custom_error_message=self.message
        )


def _integer(value: object) -> object:
    """JSON knows numbers only: 30000.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


ONE_DAY_MS: Final = 86_400_000
LONGEST_NAME: Final = 256
LARGEST_ID: Final = 2**128
"""As a number; ids come back with every completion, so they are kept short."""
METADATA_BYTES: Final = 16_384
LARGEST_STEP: Final = 2**53
"""Beyond it, a float, which metrics are, counts no longer by ones."""

Milliseconds: TypeAlias = Annotated[int, Field(ge=1, le=ONE_DAY_MS), BeforeValidator(_integer)]
Step: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST_STEP), BeforeValidator(_integer)]
ItemId: TypeAlias = Annotated[
    Annotated[str, Field(max_length=LONGEST_NAME)]
    | Annotated[int, Field(ge=-LARGEST_ID, le=LARGEST_ID)]
    | Annotated[float, Field(ge=-LARGEST_ID, le=LARGEST_ID)],
    Field(union_mode="left_to_right"),
    _OneFault("id_type", "must be a string of at most 256 characters, or a number of 128 bits"),
]
GroundTruthForm: TypeAlias = Annotated[
    dict[str, Json] | list[Json] | str | bool | int | float,
    Field(union_mode="left_to_right"),
    _OneFault("ground_truth_type", "must be there and not null"),
]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


def _short(metadata: dict[str, Json]) -> dict[str, Json]:
    try:
        short = len(json.dumps(metadata)) <= METADATA_BYTES
    except RecursionError:
        short = False
    if not short:
        raise PydanticCustomError("too_long", "must be at most 16384 bytes as ASCII JSON")
    return metadata


Metadata: TypeAlias = Annotated[dict[str, Json], AfterValidator(_short)]

_COMPLETION_EXAMPLE: Final = (
    '<tool_call>\n{"name": "get_stock_price", "arguments": '
    '{"ticker": "AAPL", "date": "2025-01-03"}}\n</tool_call>'
)
_GROUND_TRUTH_EXAMPLE: Final[dict[str, Json]] = {
    "behavior": "execute",
    "calls": [{"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}],
}

# --- Requests -------------------------------------------------------------------------------------


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _given(field: str) -> dict[str, Json]:
    """JSON Schema: the field is there and not null."""
    return {"required": [field], "properties": {field: {"not": {"type": "null"}}}}


_TOOLS_ONCE: dict[str, Json] = {"not": {"allOf": [_given("toolset"), _given("tools")]}}
_TOOLS_GIVEN: dict[str, Json] = {"anyOf": [_given("toolset"), _given("tools")]}


class RequestOptions(_Request):
    """How completions are read and judged; what is left out has the strict default."""

    no_call_sentinel: Name | None = Field(
        default=None,
        description='Name of the call that stands for "no tool is needed". Default `no_call`.',
        examples=["no_call"],
    )
    reasoning: Literal["strict", "implicit_end"] | None = Field(
        default=None,
        description="`strict` (default): reasoning that never closes is no action. "
        "`implicit_end`: a complete call at its end counts.",
    )
    narration: Literal["allowed", "forbidden"] | None = Field(
        default=None, description="Whether prose may stand beside a call. Default `allowed`."
    )
    repair: bool | None = Field(
        default=None,
        description="Mend single quotes, trailing commas and truncated braces, at most for a "
        "partial reward. Default false.",
    )
    embedded_json: bool | None = Field(
        default=None, description="Bare JSON calls count inside prose too. Default false."
    )
    languages: list[Name] | None = Field(
        default=None,
        min_length=1,
        description='Word lists by which texts are told apart. Default `["en"]`.',
        examples=[["en"]],
    )


class ScoreItem(_Request):
    """One prompt's completion, or its group of completions, and what would have been right."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [_given("completion"), _given("completions")],
            **_TOOLS_ONCE,
        }
    )

    id: ItemId | None = Field(
        default=None,
        description="Echoed in verdicts and groups as it was given; at most 256 characters.",
        examples=["p17-0"],
    )
    metadata: Metadata | None = Field(
        default=None,
        description='Echoed with `detail: "full"`, never read; at most 16 KiB as ASCII JSON.',
        examples=[{"step": 12}],
    )
    completion: Completion | None = Field(
        default=None,
        description="What the policy wrote: text, one assistant message (OpenAI, Anthropic or "
        "Bedrock shape), or a list of chat messages with the tool messages between them. "
        "Exactly one of `completion` and `completions`.",
        examples=[_COMPLETION_EXAMPLE],
    )
    completions: Annotated[list[Completion], Field(fail_fast=True)] | None = Field(
        default=None,
        min_length=1,
        description="The group of completions of one prompt; they share the ground truth.",
    )
    ground_truth: GroundTruthForm = Field(
        description="What would have been right: the canonical object with `behavior` and "
        "`calls`, or a dataset form that is translated to it. One that is not understood makes "
        "the item `invalid_task`; it never fails the batch.",
        examples=[_GROUND_TRUTH_EXAMPLE],
    )
    toolset: Name | None = Field(
        default=None,
        description="Overrides the request's `toolset` or `tools`.",
        examples=["finance"],
    )
    tools: Annotated[list[dict[str, Json]], Field(fail_fast=True)] | None = Field(
        default=None, description="Overrides the request's `toolset` or `tools`."
    )
    profile: Name | None = Field(default=None, description="Overrides the request's `profile`.")
    format: Name | None = Field(default=None, description="Overrides the request's `format`.")
    options: RequestOptions | None = Field(
        default=None, description="Overrides the request's `options`, one by one."
    )

    @property
    def group(self) -> Sequence[Completion]:
        """The completions of this item, one or more."""
        return [self.completion] if self.completion is not None else self.completions or ()


class ScoreRequest(_Request):
    """A batch of completions to be scored."""

    model_config = ConfigDict(
        json_schema_extra={
            **_TOOLS_ONCE,
            "anyOf": [
                *_TOOLS_GIVEN["anyOf"],
                {"properties": {"items": {"items": _TOOLS_GIVEN}}},
            ],
            "examples": [
                {
                    "toolset": "finance",
                    "profile": "tiered",
                    "items": [
                        {
                            "id": "p17-0",
                            "completion": _COMPLETION_EXAMPLE,
                            "ground_truth": _GROUND_TRUTH_EXAMPLE,
                        }
                    ],
                }
            ],
        }
    )

    toolset: Name | None = Field(
        default=None,
        description="Name, or `name@digest`, of a loaded toolset: schemas and mocked "
        "implementations. Here or per item; never together with `tools`.",
        examples=["finance"],
    )
    tools: Annotated[list[dict[str, Json]], Field(fail_fast=True)] | None = Field(
        default=None,
        description="Inline tools instead of a toolset: OpenAI "
        '`{"type": "function", "function": {…}}`, MCP `{"name", "inputSchema"}` or bare '
        '`{"name", "parameters"}`. Nothing is executed then.',
    )
    profile: Name = Field(default="tiered", description="Reward profile; see `GET /profiles`.")
    items: list[ScoreItem] = Field(
        min_length=1,
        description="At least one item. The sum of completions over all items is at most the "
        "service's `VERIFIER_MAX_BATCH` (413 beyond).",
    )
    format: Name = Field(default="auto", description="Tool-call format of the policy.")
    options: RequestOptions | None = Field(default=None, description="How completions are read.")
    detail: Detail = Field(
        default="verdict",
        description="`reward`: `verdicts` holds only what is not scored. `verdict`: one verdict a "
        "completion. `full`: adds parsed calls, tool results, state diff and metadata.",
    )
    deadline_ms: Milliseconds | None = Field(
        default=None,
        description="Milliseconds this request may take; what is unscored by then becomes "
        "`timeout`. Above the service's maximum the maximum holds.",
        examples=[30_000],
    )
    run: Name | None = Field(
        default=None,
        description="Name of the training run, by which rewards are counted in the metrics. "
        "Decides nothing about a reward.",
        examples=["qwen3-grpo-07"],
    )
    step: Step | None = Field(
        default=None,
        description="Training step; as little as `run` does it decide.",
        examples=[120],
    )

    @property
    def size(self) -> int:
        """Number of completions over all items."""
        return sum(1 if item.completions is None else len(item.completions) for item in self.items)

    @model_validator(mode="after")
    def _choices_are_unambiguous(self) -> Self:
        faults = list(self._ambiguities())
        if faults:
            raise ValidationError.from_exception_data("ScoreRequest", faults)
        return self

    def _ambiguities(self) -> Iterator[InitErrorDetails]:
        if self.toolset is not None and self.tools is not None:
            yield _fault(("toolset",), "exactly_one", "give `toolset` or `tools`, not both")
        declared = self.toolset is not None or self.tools is not None
        for index, item in enumerate(self.items):
            if (item.completion is None) is (item.completions is None):
                yield _fault(
                    ("items", index, "completion"),
                    "exactly_one",
                    "give exactly one of `completion` and `completions`",
                )
            if item.toolset is not None and item.tools is not None:
                yield _fault(
                    ("items", index, "toolset"),
                    "exactly_one",
                    "give `toolset` or `tools`, not both",
                )
            elif not declared and item.toolset is None and item.tools is None:
                yield _fault(
                    ("items", index, "toolset"),
                    "exactly_one",
                    "give `toolset` or `tools`, here or at the top of the request",
                )


class ParseRequest(_Request):
    """Completions to be read without scoring them."""

    model_config = ConfigDict(
        json_schema_extra={
            **_TOOLS_ONCE,
            "examples": [{"toolset": "finance", "completions": [_COMPLETION_EXAMPLE]}],
        }
    )

    completions: Annotated[list[Completion], Field(fail_fast=True)] = Field(
        min_length=1, description="At least one completion."
    )
    toolset: Name | None = Field(
        default=None,
        description="Loaded toolset whose schemas type the arguments.",
        examples=["finance"],
    )
    tools: Annotated[list[dict[str, Json]], Field(fail_fast=True)] | None = Field(
        default=None, description="Inline tools instead of a toolset, as in `POST /score`."
    )
    format: Name = Field(default="auto", description="Tool-call format of the policy.")
    options: RequestOptions | None = Field(default=None, description="How completions are read.")

    @model_validator(mode="after")
    def _tools_are_given_once(self) -> Self:
        if self.toolset is not None and self.tools is not None:
            fault = _fault(("toolset",), "exactly_one", "give `toolset` or `tools`, not both")
            raise ValidationError.from_exception_data("ParseRequest", [fault])
        return self


def _fault(location: tuple[str | int, ...], code: str, message: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(code, message), loc=location, input=None)


_DEFAULTS: Final = Options()


def effective_options(top: RequestOptions | None, item: RequestOptions | None) -> Options:
    """The options in force for an item: its own, else the request's, else the defaults."""
    if top is None and item is None:
        return _DEFAULTS
    chosen: dict[str, Any] = {}
    for given in (top, item):
        if given is not None:
            chosen |= given.model_dump(exclude_none=True)
    if "languages" in chosen:
        chosen["languages"] = tuple(chosen["languages"])
    return Options(**chosen)


# --- Responses ------------------------------------------------------------------------------------


class _Response(BaseModel):
    model_config = ConfigDict(frozen=True)


class Reference(_Response):
    """A name and the digest of what it stood for when this response was made."""

    name: str = Field(examples=["finance"])
    digest: str = Field(examples=["sha256:9f2c…"])


class FailureModel(_Response):
    """One reason why a reward is not 1.0, or why there is none."""

    code: Code = Field(description="From a closed list.", examples=["schema.type"])
    path: str = Field(
        description="JSON Pointer: `/calls/0/arguments/x` into the completion's calls, "
        "`/ground_truth/…` or `/tools/…` into the task, `/text` for prose, empty for the whole.",
        examples=["/calls/0/arguments/numbers"],
    )
    message: str = Field(description="One sentence for people.")
    expected: Json = Field(default=None, description="What would have been right.")
    actual: Json = Field(default=None, description="What was found.")


class BehaviorModel(_Response):
    """What was due and what the completion does."""

    expected: Behavior | None
    observed: Observed | None


Share: TypeAlias = Annotated[float, Field(ge=0, le=1)] | None


class ComponentsModel(_Response):
    """How much of each room the completion passed: 0 to 1, null where it does not apply."""

    parse: Share
    name: Share
    schema_: Share = Field(alias="schema")
    arguments: Share
    execution: Share
    text: Share


class CallModel(_Response):
    """A tool call as it was read."""

    name: str
    arguments: dict[str, Json]


class ToolResultModel(_Response):
    """What a tool returned (`value`) or why it refused (`error`): exactly one of the two keys."""

    value: Json = None
    error: str | None = None


class WriteModel(_Response):
    """One change of the sandbox's state; `before` or `after` is absent where nothing was there."""

    path: str = Field(description="JSON Pointer into the state.")
    before: Json = None
    after: Json = None


class SpanModel(_Response):
    """A half-open range of characters of the completion and what was read in it."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    kind: SpanKind


class VerdictModel(_Response):
    """The judgement of one completion."""

    id: ItemId | None = Field(description="The item's id, null where it has none.")
    item: int = Field(ge=0, description="Index into `items`.")
    completion: int = Field(ge=0, description="Index into the item's completions.")
    outcome: Outcome = Field(description="Only `scored` has a reward.")
    reward: float | None = Field(description="Null unless `outcome` is `scored`.")
    tier: Tier | None
    behavior: BehaviorModel
    components: ComponentsModel
    failures: list[FailureModel]
    format: str | None = Field(description="Recognised tool-call format, or `text`.")
    stripped: bool = Field(
        default=False, description="Special tokens had been stripped and the rest was unambiguous."
    )
    repaired: bool = Field(default=False, description="Something was mended: at most partial.")
    retryable: bool | None = Field(
        default=None,
        description="Only where `outcome` is not `scored`: whether the same request may fare "
        "better later.",
    )
    toolset: Reference | None = Field(
        default=None, description="Only where the item overrides the top."
    )
    profile: Reference | None = Field(
        default=None, description="Only where the item overrides the top."
    )
    calls: list[CallModel] | None = Field(default=None, description='With `detail: "full"`.')
    content: str | None = Field(
        default=None, description='With `detail: "full"`: the prose, calls and reasoning taken out.'
    )
    reasoning: str | None = Field(default=None, description='With `detail: "full"`.')
    problems: list[FailureModel] | None = Field(
        default=None, description='With `detail: "full"`: what was odd about the reading.'
    )
    spans: list[SpanModel] | None = Field(default=None, description='With `detail: "full"`.')
    results: list[ToolResultModel] | None = Field(
        default=None, description='With `detail: "full"`: what the calls returned.'
    )
    expected_results: list[ToolResultModel] | None = Field(
        default=None, description='With `detail: "full"`: what the ground truth\'s calls returned.'
    )
    writes: list[WriteModel] | None = Field(
        default=None, description='With `detail: "full"`: what the calls changed.'
    )
    expected_writes: list[WriteModel] | None = Field(
        default=None, description='With `detail: "full"`: what the ground truth\'s calls changed.'
    )
    metadata: dict[str, Json] | None = Field(
        default=None, description='With `detail: "full"`: echoed.'
    )


class GroupModel(_Response):
    """Mean and population deviation over the scored completions of one item."""

    id: ItemId | None
    mean: float | None = Field(description="Null where nothing of the item is scored.")
    std: float | None = Field(ge=0, description="Null where nothing of the item is scored.")


class ScoreResponse(_Response):
    """Rewards, and why."""

    rewards: list[float | None] = Field(
        description="Flat, in the order of items and completions: a number, or null where the "
        "completion could not be scored. Null is never a zero."
    )
    verdicts: list[VerdictModel]
    groups: list[GroupModel] = Field(description="One an item, in their order.")
    profile: Reference | None = Field(
        description="The request's profile, null where it is not loaded."
    )
    toolset: Reference | None = Field(
        description="The request's toolset, null where there is none or it is not loaded."
    )
    version: str = Field(examples=["0.1.0"])


class ParsedModel(_Response):
    """What one completion says."""

    format: str = Field(description="Recognised format, or `text`.", examples=["hermes"])
    calls: list[CallModel]
    malformed: list[FailureModel] = Field(description="Attempted calls that could not be read.")
    content: str = Field(description="The prose, calls and reasoning taken out.")
    reasoning: str
    problems: list[FailureModel]
    spans: list[SpanModel]
    sentinel: CallModel | None = Field(description='A "no call" that was written as a call.')
    stripped: bool
    repaired: bool


class ParseResponse(_Response):
    """What was read, one entry a completion."""

    parsed: list[ParsedModel]
    version: str = Field(examples=["0.1.0"])


class ToolModel(_Response):
    """A tool as a model would be shown it, in the OpenAI shape."""

    type: Literal["function"] = "function"
    function: FunctionModel


class FunctionModel(_Response):
    """Name, description and JSON Schema of the arguments."""

    name: str
    description: str
    parameters: dict[str, Json]


class ToolsetSummary(_Response):
    """One loaded toolset."""

    name: str = Field(examples=["finance"])
    digest: str = Field(examples=["sha256:9f2c…"])
    description: str
    tools: list[str] = Field(description="Names of its tools.")


class ToolsetList(_Response):
    """The loaded toolsets, by name."""

    toolsets: list[ToolsetSummary]


class ToolsetDetail(_Response):
    """One loaded toolset with the schemas that belong into a prompt."""

    name: str
    digest: str
    description: str
    tools: list[ToolModel]
    read_only: list[str] = Field(description="Names of the tools without side effects.")


class ProfileModel(_Response):
    """One loaded reward profile."""

    name: str = Field(examples=["tiered"])
    digest: str = Field(examples=["sha256:41ab…"])
    description: str


class ProfileList(_Response):
    """The loaded reward profiles, by name."""

    profiles: list[ProfileModel]


class Health(_Response):
    """The process runs (`/healthz`), or takes requests (`/readyz`)."""

    status: Literal["ok", "ready"]
    version: str = Field(examples=["0.1.0"])


class Fault(_Response):
    """One thing that is wrong with a request."""

    pointer: str = Field(
        description="JSON Pointer (RFC 6901) into the request body.", examples=["/items/0/toolset"]
    )
    code: str = Field(examples=["extra_forbidden"])
    detail: str = Field(description="One sentence for people.")


class Problem(_Response):
    """Why a request was not answered. Source: RFC 9457, `application/problem+json`."""

    type: str = Field(
        description="Identifies the kind of problem.", examples=["urn:verifier:problem:validation"]
    )
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    errors: list[Fault] | None = Field(
        default=None, description="With 422: one entry a fault, at most 32."
    )
    id: str | None = Field(default=None, description="With 500: the key to the server's log.")
