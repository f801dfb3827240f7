"""What a scoring process remembers, and that it is bounded and never mistaken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox_tools.types import Json
from verifier_service.engine import CACHED_OFFERS, Engine, EngineConfig
from verifier_service.findings import Finding
from verifier_service.known import FINDINGS_OF_A_TASK, LONGEST_KEY, Known, Memory, call_key, words
from verifier_service.scoring.offer import Offer
from verifier_service.scoring.types import Options
from verifier_service.setting import Setting

RIGHT = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
OTHER = {"name": "get_stock_price", "arguments": {"ticker": "MSFT", "date": "2025-01-03"}}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(EngineConfig())


@pytest.fixture(scope="module")
def setting(engine: Engine) -> Setting:
    return setting_of(engine, "tiered")


def setting_of(engine: Engine, profile: str) -> Setting:
    offer, key = engine.offer("finance", None)
    return Setting(offer, key, engine.profile(profile), "auto", Options())


def finding(members: str) -> Finding:
    return Finding(1.0, "scored", "full", (None, None), (), members.encode())


def numbered(memory: Memory, setting: Setting, number: int) -> Known:
    return memory.of([number], setting)


class TestMemory:
    def test_one_task_under_one_setting_is_known_once(self, setting: Setting) -> None:
        memory = Memory(1 << 20)
        assert memory.of([RIGHT], setting) is memory.of([dict(RIGHT)], setting)

    @pytest.mark.parametrize("truth", [[OTHER], [RIGHT, RIGHT], RIGHT, [1], [1.0], [True], ["1"]])
    def test_another_ground_truth_is_another_task(self, setting: Setting, truth: Json) -> None:
        memory = Memory(1 << 20)
        known = [memory.of(each, setting) for each in ([RIGHT], truth)]
        assert known[0] is not known[1]

    def test_another_profile_is_another_task(self, engine: Engine) -> None:
        memory = Memory(1 << 20)
        known = {id(memory.of([RIGHT], setting_of(engine, name))) for name in ("tiered", "binary")}
        assert len(known) == 2

    def test_what_nobody_asked_for_longest_is_forgotten_first(self, setting: Setting) -> None:
        memory = Memory(20_000)
        first, second = numbered(memory, setting, 0), numbered(memory, setting, 1)
        for number in range(2, 200):
            numbered(memory, setting, number)
            assert numbered(memory, setting, 0) is first
        assert numbered(memory, setting, 1) is not second

    def test_completions_count_against_the_room(self, setting: Setting) -> None:
        memory = Memory(200_000)
        first, second = numbered(memory, setting, 0), numbered(memory, setting, 1)
        for number in range(FINDINGS_OF_A_TASK):
            memory.keep(second, f"{number}" * 40, finding(f"{number}"))
        assert numbered(memory, setting, 1) is second
        assert numbered(memory, setting, 0) is not first

    def test_a_task_is_known_by_so_many_completions_and_no_more(self, setting: Setting) -> None:
        memory = Memory(1 << 30)
        known = numbered(memory, setting, 0)
        for number in range(3 * FINDINGS_OF_A_TASK):
            memory.keep(known, f"{number}", finding(f"{number}"))
        assert len(known.findings) == FINDINGS_OF_A_TASK
        assert f"{3 * FINDINGS_OF_A_TASK - 1}" in known.findings

    def test_a_task_that_is_forgotten_meanwhile_can_be_judged_on(self, setting: Setting) -> None:
        memory = Memory(1)
        forgotten = numbered(memory, setting, 0)
        numbered(memory, setting, 1)
        found = memory.keep(forgotten, "a", finding("a"))
        assert forgotten.findings == {"a": found}

    def test_what_comes_to_the_same_is_held_once(self, setting: Setting) -> None:
        memory = Memory(1 << 20)
        kept = set()
        for number in range(3):
            known = numbered(memory, setting, number)
            kept.add(id(memory.keep(known, "a", finding("alike"))))
        assert len(kept) == 1


class TestOffers:
    """Compiled tools take more than all else of a task that brings its own."""

    def test_tools_of_known_tasks_are_not_compiled_again(self, engine: Engine) -> None:
        offer, key = engine.offer(None, tools("a"))
        engine.known([RIGHT], own(engine, offer, key))
        for number in range(CACHED_OFFERS):
            engine.offer(None, tools(f"other_{number}"))
        assert engine.offer(None, tools("a"))[0] is offer

    def test_tools_that_tasks_share_are_counted_once(self, engine: Engine) -> None:
        memory = Memory(1_000_000)
        setting = own(engine, *engine.offer(None, tools("shared", described=20_000)))
        known = [memory.of([number], setting) for number in range(100)]
        assert [memory.of([number], setting) for number in range(100)] == known

    def test_tools_of_each_task_count_against_the_room(self, engine: Engine) -> None:
        memory = Memory(1_000_000)
        settings = [
            own(engine, *engine.offer(None, tools(f"own_{number}", described=20_000)))
            for number in range(5)
        ]
        known = [memory.of([RIGHT], setting) for setting in settings]
        assert memory.offer(settings[-1].offer_key) is settings[-1].offer
        assert memory.offer(settings[0].offer_key) is None
        assert memory.of([RIGHT], settings[0]) is not known[0]

    def test_what_is_forgotten_gives_its_room_back(self, engine: Engine) -> None:
        memory = Memory(1_000_000)
        for number in range(10):
            offer, key = engine.offer(None, tools(f"own_{number}", described=20_000))
            memory.of([RIGHT], own(engine, offer, key))
        setting = setting_of(engine, "tiered")
        known = [memory.of([number], setting) for number in range(300)]
        assert [memory.of([number], setting) for number in range(300)] == known


def tools(name: str, described: int = 10) -> list[Json]:
    return [{"name": name, "description": "x" * described, "parameters": {"type": "object"}}]


def own(engine: Engine, offer: Offer, key: bytes) -> Setting:
    return Setting(offer, key, engine.profile("tiered"), "auto", Options())


class TestWords:
    def test_a_text_never_passes_for_a_conversation(self) -> None:
        """A policy could write what the conversation of another is written as."""
        conversation: list[Any] = [{"role": "assistant", "content": "x" * LONGEST_KEY}]
        spelled = json.dumps(conversation, separators=(",", ":"))
        texts = [spelled, f"\xff{spelled}", f"\udcff{spelled}", f"\x00{spelled}"]
        assert words(conversation) not in list(map(words, texts))

    def test_a_call_never_passes_for_another_format_or_name(self) -> None:
        keys = {
            call_key("hermes", "a", {}),
            call_key("json", "a", {}),
            call_key("json", "b", {}),
            call_key("json", "a", {"b": 1}),
            call_key("json", "a", {"b": True}),
            call_key("json", "a", {"b": "1"}),
            call_key("json", "a", {"b": 1.0}),
        }
        assert len(keys) == 7

    @pytest.mark.parametrize("length", [LONGEST_KEY, LONGEST_KEY + 1, 10_000])
    def test_texts_that_differ_at_their_end_differ(self, length: int) -> None:
        assert words("a" * length) != words("a" * (length - 1) + "b")

    def test_half_a_surrogate_pair_has_a_key(self) -> None:
        assert words("\ud800" * 300) != words("\ud801" * 300)

    def test_what_nests_too_deep_to_be_written_has_none(self) -> None:
        nested: Any = "x"
        for _ in range(100_000):
            nested = [nested]
        assert words([{"role": "assistant", "content": nested}]) is None


class TestFind:
    def test_a_conversation_is_remembered(self, engine: Engine, setting: Setting) -> None:
        function = {"name": RIGHT["name"], "arguments": json.dumps(RIGHT["arguments"])}
        message = {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]}
        known = engine.known([RIGHT], setting)
        first = engine.find([message], known)
        assert first.reward == 1.0
        assert engine.find([dict(message)], engine.known([RIGHT], setting)) is first

    def test_what_is_not_scored_is_judged_again(self, engine: Engine, setting: Setting) -> None:
        known = engine.known([{"name": "no_such_tool", "arguments": {}}], setting)
        assert engine.find("x", known).outcome == "invalid_task"
        assert not known.findings
