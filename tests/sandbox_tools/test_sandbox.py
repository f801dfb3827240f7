"""One episode: results, refusals, faults, state and writes."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from sandbox_tools import ABSENT, Sandbox, SandboxError, ToolResult, Toolset, Write

SHOP = '''
"""A shop."""

from typing import Any

from sandbox_tools import ToolError, World, tool

STATE = {"orders": {"W9": {"status": "open"}}, "log": []}
CLOCK = "2025-01-03T12:00:00+01:00"
TABLE = {"seen": []}


@tool(read_only=True)
def get_order(order_id: str, world: World) -> dict:
    """Get an order."""
    if order_id not in world.state["orders"]:
        raise ToolError("There is no such order.")
    return world.state["orders"][order_id]


@tool
def set_status(order_id: str, status: str, world: World) -> None:
    """Set the status of an order."""
    world.state["orders"][order_id]["status"] = status


@tool
def note(entry: Any, world: World) -> list:
    """Append to the log and return it."""
    world.state["log"].append(entry)
    return world.state["log"]


@tool
def refuse_late(world: World) -> None:
    """Write, then refuse."""
    world.state["log"].append("half done")
    raise ToolError("Too late.")


@tool
def break_late(world: World) -> None:
    """Write, then break."""
    world.state["log"].append("half done")
    raise KeyError("secret detail")


@tool
def store(value: Any, world: World) -> None:
    """Keep in the state what JSON does not have."""
    world.state["log"].append({value})


@tool(read_only=True)
def sneak(world: World) -> None:
    """Write although read-only."""
    world.state["log"].append("sneaked")


@tool(read_only=True)
def remember(value: str) -> list:
    """Write to the module's data."""
    TABLE["seen"].append(value)
    return TABLE["seen"]


@tool(read_only=True)
def odd(kind: str) -> Any:
    """Return what is not JSON."""
    loop: list = []
    loop.append(loop)
    return {
        "set": {1},
        "nan": float("nan"),
        "key": {1: 2},
        "object": object(),
        "loop": loop,
    }[kind]


@tool(read_only=True)
def echo(value: Any) -> Any:
    """Return the argument."""
    return value


@tool(read_only=True)
def today(world: World) -> str:
    """Tell the time."""
    return world.now.isoformat()


@tool(read_only=True)
def flaky(world: World) -> int:
    """Fail at first."""
    if world.attempt < 3:
        raise ToolError("Busy.")
    return world.attempt


@tool(read_only=True)
def draw(seed: str, world: World) -> float:
    """Draw a number."""
    return world.random("draw", seed).random()


@tool(read_only=True)
def interrupt() -> None:
    """Stand for a time limit."""
    raise KeyboardInterrupt
'''


@pytest.fixture
def shop(load_python: Callable[[str], Toolset]) -> Toolset:
    return load_python(SHOP)


@pytest.fixture
def sandbox(shop: Toolset) -> Sandbox:
    return shop.sandbox()


def test_a_call_returns_the_tools_value(sandbox: Sandbox) -> None:
    assert sandbox.run("get_order", {"order_id": "W9"}) == ToolResult({"status": "open"})


def test_a_refusal_is_a_result(sandbox: Sandbox) -> None:
    result = sandbox.run("get_order", {"order_id": "W1"})
    assert result == ToolResult(error="There is no such order.")


def test_any_other_exception_is_a_fault_of_the_sandbox(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="break_late: KeyError") as caught:
        sandbox.run("break_late", {})
    assert "Traceback" not in str(caught.value)


def test_a_tool_that_does_not_exist_is_a_fault(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="no tool of this name"):
        sandbox.run("__class__", {})


def test_a_time_limit_passes_through(sandbox: Sandbox) -> None:
    with pytest.raises(KeyboardInterrupt):
        sandbox.run("interrupt", {})


@pytest.mark.parametrize("kind", ["set", "nan", "key", "object", "loop"])
def test_a_result_that_is_not_json_is_a_fault(sandbox: Sandbox, kind: str) -> None:
    with pytest.raises(SandboxError):
        sandbox.run("odd", {"kind": kind})


def test_a_state_that_is_not_json_is_a_fault_and_is_not_kept(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="set is not JSON"):
        sandbox.run("store", {"value": 1})
    assert sandbox.state["log"] == []


@pytest.mark.parametrize(
    "arguments", [{"value": {1}}, {"value": float("nan")}, {"value": "\ud800"}]
)
def test_arguments_that_are_not_json_are_a_fault(sandbox: Sandbox, arguments: Any) -> None:
    with pytest.raises(SandboxError, match="not JSON"):
        sandbox.run("echo", arguments)


def test_arguments_nested_beyond_all_bounds_are_a_fault(sandbox: Sandbox) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SandboxError):
        sandbox.run("echo", {"value": deep})


def test_every_episode_starts_from_the_same_state(shop: Toolset) -> None:
    first = shop.sandbox()
    first.run("set_status", {"order_id": "W9", "status": "shipped"})
    assert shop.sandbox().run("get_order", {"order_id": "W9"}).value == {"status": "open"}


def test_a_later_call_sees_an_earlier_write(sandbox: Sandbox) -> None:
    sandbox.run("set_status", {"order_id": "W9", "status": "shipped"})
    assert sandbox.run("get_order", {"order_id": "W9"}).value == {"status": "shipped"}


def test_writes_are_logged_with_their_place(sandbox: Sandbox) -> None:
    sandbox.run("set_status", {"order_id": "W9", "status": "shipped"})
    sandbox.run("note", {"entry": "x"})
    assert sandbox.writes == (
        Write("/orders/W9/status", "open", "shipped"),
        Write("/log/0", ABSENT, "x"),
    )


def test_what_is_done_and_undone_shows_in_the_log_only(shop: Toolset) -> None:
    sandbox = shop.sandbox()
    for status in ("shipped", "open"):
        sandbox.run("set_status", {"order_id": "W9", "status": status})
    assert sandbox.state == shop.state
    assert len(sandbox.writes) == 2


@pytest.mark.parametrize("name", ["refuse_late", "break_late"])
def test_a_call_that_fails_leaves_the_state_as_it_was(sandbox: Sandbox, name: str) -> None:
    with contextlib.suppress(SandboxError):
        sandbox.run(name, {})
    assert sandbox.state["log"] == []
    assert sandbox.writes == ()


def test_a_read_only_tool_that_writes_is_a_fault(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="read-only"):
        sandbox.run("sneak", {})
    assert sandbox.state["log"] == []


def test_a_tool_cannot_carry_data_into_another_episode(shop: Toolset) -> None:
    for _ in range(2):
        with pytest.raises(SandboxError, match="read-only"):
            shop.sandbox().run("remember", {"value": "x"})


def test_nobody_outside_can_change_the_state(sandbox: Sandbox) -> None:
    sandbox.run("note", {"entry": "x"})
    with pytest.raises(TypeError, match="read-only"):
        sandbox.state["log"].append("forged")


def test_a_changed_result_reaches_no_state(sandbox: Sandbox) -> None:
    sandbox.run("note", {"entry": "x"}).value.append("forged")
    assert sandbox.state["log"] == ["x"]


def test_changed_arguments_reach_no_state(sandbox: Sandbox) -> None:
    entry = {"deep": [1]}
    result = sandbox.run("note", {"entry": entry})
    entry["deep"].append(2)
    assert sandbox.state["log"] == [{"deep": [1]}]
    assert result.value == [{"deep": [1]}]


def test_an_episode_that_only_reads_copies_no_state(shop: Toolset) -> None:
    sandbox = shop.sandbox()
    sandbox.run("get_order", {"order_id": "W9"})
    assert sandbox.state is shop.state


def test_the_clock_is_frozen(sandbox: Sandbox) -> None:
    assert sandbox.run("today", {}).value == "2025-01-03T12:00:00+01:00"


def test_attempts_are_counted_in_each_episode(shop: Toolset) -> None:
    for sandbox in (shop.sandbox(), shop.sandbox()):
        results = [sandbox.run("flaky", {}) for _ in range(3)]
        assert [result.error for result in results] == ["Busy.", "Busy.", None]


def test_random_numbers_follow_from_their_seed(shop: Toolset) -> None:
    draws = [shop.sandbox().run("draw", {"seed": seed}).value for seed in ("a", "a", "b")]
    assert draws[0] == draws[1] != draws[2]


def test_equal_arguments_are_handed_over_alike(sandbox: Sandbox) -> None:
    result = sandbox.run("echo", {"value": {"year": 2024.0, "name": "e\u0301"}})
    assert result.value == {"year": 2024, "name": "é"}
    assert isinstance(result.value["year"], int)


def test_an_episode_is_results_state_and_writes(sandbox: Sandbox) -> None:
    results = [sandbox.run("note", {"entry": 1}), sandbox.run("get_order", {"order_id": "W1"})]
    episode = sandbox.episode(results)
    assert episode.results == tuple(results)
    assert episode.state == sandbox.state
    assert episode.writes == sandbox.writes
