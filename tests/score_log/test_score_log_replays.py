"""What the service judges is in the log once, and comes to the same reward when asked again."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from verifier_service import encode
from verifier_service.local import LocalVerifier, RequestRefused
from verifier_service.score_log.lines import Lines, Record
from verifier_service.score_log.masking import Mask
from verifier_service.score_log.reading import Decision, entries

CALL: Final = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
RIGHT: Final = json.dumps(CALL)
TOOL: Final = {"name": "get_stock_price", "parameters": {"type": "object"}}
FUNCTION: Final = {"name": "get_stock_price", "arguments": json.dumps(CALL["arguments"])}
MESSAGE: Final = {"role": "assistant", "tool_calls": [{"type": "function", "function": FUNCTION}]}

completions: Final = st.sampled_from(
    [RIGHT, "I cannot.", "", "\ud800x", "\x00\u2028", "{" * 99, "x" * 70_000, [MESSAGE]]
)
truths: Final = st.sampled_from(
    [
        [CALL],
        {"behavior": "execute", "calls": [CALL]},
        {"reward_model": {"ground_truth": [CALL]}},
        json.dumps([CALL]),
        "refuse",
        {"behavior": "clarify", "missing": ["date"]},
        {"behavior": "dance"},
        12345678901234567890123,
        "\ud800",
    ]
)
toolsets: Final = st.sampled_from([None, "finance", "finance@sha256:0", "gone", "assistant", "@"])
tools: Final = st.sampled_from([None, [TOOL], [{"type": "function", "function": TOOL}]])
ITEMS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "profile": st.sampled_from([None, "graded", "tiered"]),
    "format": st.sampled_from([None, "auto", "hermes"]),
    "options": st.sampled_from([None, {}, {"narration": "forbidden"}, {"repair": True}]),
}
"""Members that an item may have of its own."""
REQUESTS: Final = ITEMS | {
    "profile": st.sampled_from(["graded", "tiered"]),
    "format": st.sampled_from(["auto", "hermes"]),
    "run": st.sampled_from([None, "r", "\ud800"]),
    "step": st.sampled_from([None, 0, 7]),
    "detail": st.sampled_from(["reward", "verdict", "full"]),
}
LOCAL: Final = LocalVerifier()


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request in which nearly everything may be named at the top, at an item, or not at all."""
    request = draw(st.fixed_dictionaries({}, optional=REQUESTS))
    offer = draw(st.sampled_from(["toolset", "tools"]))
    request[offer] = "finance" if offer == "toolset" else [TOOL]
    request["items"] = draw(st.lists(items(), min_size=1, max_size=3))
    return request


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    ids = {"id": st.sampled_from([None, "a", 5, "\ud800"])}
    item = draw(st.fixed_dictionaries({"ground_truth": truths}, optional=ITEMS | ids))
    if draw(st.booleans()):
        item["completion"] = draw(completions)
    else:
        item["completions"] = draw(st.lists(completions, min_size=1, max_size=3))
    offer = draw(st.sampled_from([None, "toolset", "tools"]))
    if offer is not None:
        item[offer] = draw(toolsets if offer == "toolset" else tools)
    return item


def logged(request: dict[str, Any], reply: dict[str, Any]) -> list[bytes]:
    """The lines of the log that a request and its answer leave."""
    lines = Lines(Mask())
    record = Record("r", 0.0, 1, json.dumps(request).encode(), encode.dumps(reply))
    made = list(lines.of(record))
    return [*lines.tools.values(), *(line.text for line in made)]


@settings(max_examples=200, deadline=None)
@given(requests())
def test_what_is_judged_is_logged_once_and_comes_to_the_same_again(request: dict[str, Any]) -> None:
    try:
        reply = LOCAL.score(request)
    except RequestRefused:
        return  # Nothing was judged.
    found = list(entries(logged(request, reply)))
    decisions = [entry for entry in found if isinstance(entry, Decision)]
    assert len(decisions) == len(found)
    assert [decision.verdict["reward"] for decision in decisions] == reply["rewards"]
    again = LOCAL.score({"items": [decision.item for decision in decisions]})
    assert again["rewards"] == reply["rewards"]
