"""What holds for every trainer that calls a URL."""

from __future__ import annotations

import asyncio
import json
import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.wires.trainers import (
    ARGUMENTS,
    CARRIER,
    CARRIER_TEXT,
    ENDLESS,
    GARBAGE,
    INSTEAD,
    KEY,
    PROMPT,
    RIGHT,
    SLOW,
    TRAINERS,
    TRUTH,
    WRONG,
    Trainer,
)
from verifier_service.wires import WIRES, Wire

CONVERSATIONS = [trainer for trainer in TRAINERS if trainer.required.endswith("/messages")]
every_trainer = pytest.mark.parametrize("trainer", TRAINERS, ids=str)
BURST = 300
DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("api", "configuration")


def post(url: str, trainer: Trainer, body: Any, query: str = "", **options: Any) -> httpx.Response:
    """Encoded as aiohttp and requests do, which know half a surrogate pair."""
    address = url + trainer.path
    joint = "&" if "?" in address else "?"
    headers = {"Content-Type": "application/json", **options.pop("headers", {})}
    content = json.dumps(body)
    return httpx.post(
        f"{address}{joint}{query}", content=content, headers=headers, timeout=60, **options
    )


def asked(url: str, trainer: Trainer, text: str, carrier: Any = CARRIER_TEXT) -> httpx.Response:
    return post(url, trainer, trainer.ask(text, carrier))


def without(body: Any, pointer: str) -> Any:
    """A copy that lacks a member."""
    copy = json.loads(json.dumps(body))
    *way, last = pointer.split("/")[1:]
    place = copy
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    del place[last]
    return copy


def test_every_wire_has_a_stand_in() -> None:
    """NeMo Gym's has tests of its own."""
    assert {trainer.wire for trainer in TRAINERS} | {"nemo_gym"} >= set(WIRES)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_every_wire_is_documented(wire: Wire) -> None:
    paths, settings = ((DOCS / f"{page}.md").read_text("utf-8") for page in PAGES)
    rows = [row for row in paths.splitlines() if f"{wire.paths[-1]}`" in row]
    assert any(f"| {wire.deadline_s:g} s |" in row for row in rows), "its path and its deadline"
    assert all(f"`{name}`" in paths for name in wire.parameters)
    assert f"`{wire.name}`" in settings


@every_trainer
def test_a_trainer_reads_the_rewards_of_the_service(service: str, trainer: Trainer) -> None:
    said = [trainer.take(asked(service, trainer, text).json()) for text in (RIGHT, WRONG, "No.")]
    assert said == [1.0, 0.5, 0.0]


@every_trainer
def test_the_answer_is_declared_as_json(service: str, trainer: Trainer) -> None:
    assert asked(service, trainer, RIGHT).headers["Content-Type"] == "application/json"


@every_trainer
@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_gets_a_finite_number(service: str, trainer: Trainer, text: str) -> None:
    answer = asked(service, trainer, text)
    assert answer.status_code == 200, answer.text
    reward = trainer.take(answer.json())
    assert math.isfinite(reward)
    assert reward < 1.0


@every_trainer
@pytest.mark.parametrize("carrier", [CARRIER_TEXT, json.dumps(CARRIER_TEXT)], ids=["once", "twice"])
def test_a_carrier_may_be_encoded(service: str, trainer: Trainer, carrier: str) -> None:
    assert trainer.take(asked(service, trainer, RIGHT, carrier).json()) == 1.0


@pytest.mark.parametrize("trainer", [t for t in TRAINERS if t.wire != "gemini"], ids=str)
def test_a_carrier_may_be_an_object(service: str, trainer: Trainer) -> None:
    """But for Gemini's, whose references are texts."""
    assert trainer.take(asked(service, trainer, RIGHT, CARRIER).json()) == 1.0


@every_trainer
@pytest.mark.parametrize(
    "carrier",
    [
        "",
        "{",
        "{}",
        "null",
        '{"toolset": "finance"}',
        '{"toolset": "nowhere", "ground_truth": []}',
        '{"toolset": "finance", "ground_truth": {"behavior": "dance"}}',
        '{"toolset": "finance", "ground_truth": [], "toolsets": 1}',
        '{"toolset": 7, "ground_truth": []}',
        '{"ground_truth": []}',
    ],
)
def test_a_carrier_that_is_no_task_is_refused_by_its_place(
    service: str, trainer: Trainer, carrier: str
) -> None:
    answer = asked(service, trainer, RIGHT, carrier)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:verifier:problem:invalid-task"
    parent = trainer.carrier_at.rpartition("/")[0] if carrier == "" else trainer.carrier_at
    assert problem["errors"][0]["pointer"].startswith(parent)
    assert problem["errors"][0]["detail"]


@pytest.mark.parametrize("trainer", CONVERSATIONS, ids=str)
@pytest.mark.parametrize(
    "messages",
    [[], PROMPT, [{"role": "robot", "content": "Hi"}], [{"role": "assistant", "content": 7}]],
    ids=["none", "no answer", "unknown role", "no text"],
)
def test_a_conversation_that_is_none_is_refused_by_its_own_place(
    service: str, trainer: Trainer, messages: list[Any]
) -> None:
    body = trainer.ask(RIGHT, CARRIER_TEXT)
    (body[0] if isinstance(body, list) else body)["messages"] = messages
    answer = post(service, trainer, body)
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == (trainer.required, "task.completion")


@every_trainer
def test_a_missing_member_is_named(service: str, trainer: Trainer) -> None:
    body = without(trainer.ask(RIGHT, CARRIER_TEXT), trainer.required)
    answer = post(service, trainer, body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [trainer.required]


@every_trainer
def test_members_that_are_not_ours_change_nothing(service: str, trainer: Trainer) -> None:
    body = trainer.ask(RIGHT, CARRIER_TEXT)
    (body[0] if isinstance(body, list) else body)["of_a_later_version"] = {"reward": 0}
    assert trainer.take(post(service, trainer, body).json()) == 1.0


@every_trainer
def test_parameters_of_the_url_fill_in_what_the_carrier_lacks(
    service: str, trainer: Trainer
) -> None:
    body = trainer.ask(WRONG, json.dumps({"ground_truth": TRUTH}))
    query = "toolset=finance&profile=binary&tool_call_format=hermes"
    assert trainer.take(post(service, trainer, body, query).json()) == 0.0


@every_trainer
def test_a_carrier_goes_before_the_parameters_of_the_url(service: str, trainer: Trainer) -> None:
    body = trainer.ask(WRONG, json.dumps({**CARRIER, "profile": "tiered"}))
    query = "toolset=assistant&profile=binary"
    assert trainer.take(post(service, trainer, body, query).json()) == 0.5


@every_trainer
def test_an_unknown_parameter_of_the_url_is_refused(service: str, trainer: Trainer) -> None:
    answer = post(service, trainer, trainer.ask(RIGHT, CARRIER_TEXT), "tool_set=finance")
    assert answer.status_code == 400
    assert "tool_set" in answer.json()["detail"]


@every_trainer
def test_rewards_are_counted_under_the_run_that_the_url_names(
    service: str, trainer: Trainer
) -> None:
    run = f"run of {trainer}"
    post(service, trainer, trainer.ask(RIGHT, CARRIER_TEXT), urlencode({"run": run}))
    counted = f'verifier_run_rewards_total{{run="{run}"}} 1.0'
    assert counted in httpx.get(f"{service}/metrics").text.splitlines()


@every_trainer
def test_the_names_in_an_answer_never_change(lenient: str, trainer: Trainer) -> None:
    """Trainers merge the logs of samples by them."""
    asks = [(text, CARRIER_TEXT) for text in (RIGHT, WRONG, "", "Which date?")]
    answers = [asked(lenient, trainer, text, carrier).json() for text, carrier in asks]
    answers.append(asked(lenient, trainer, RIGHT, "{}").json())
    assert len({names(answer) for answer in answers}) == 1


def names(answer: Any) -> tuple[str, ...]:
    """Every name in an answer, in order; `error` is there only with an error."""
    if isinstance(answer, dict) and "body" in answer:
        answer = json.loads(answer["body"])
    text = json.dumps(answer)
    listed = re.findall(r'"name": "(\w+)"', text)
    return (*(name for name in re.findall(r'"(\w+)":', text) if name != "error"), *listed)


@every_trainer
def test_a_burst_without_keep_alive_is_answered_whole(service: str, trainer: Trainer) -> None:
    texts = [RIGHT, WRONG, ""] * (BURST // 3)
    bodies = [trainer.ask(text, CARRIER_TEXT) for text in texts]
    answers = asyncio.run(burst(service + trainer.path, bodies))
    assert [trainer.take(answer.json()) for answer in answers] == [1.0, 0.5, 0.0] * (BURST // 3)


async def burst(url: str, bodies: list[Any]) -> list[httpx.Response]:
    """All at once, each on a connection of its own."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(limits=limits, timeout=120) as client:
        return await asyncio.gather(*(client.post(url, json=body) for body in bodies))


@every_trainer
def test_the_same_sample_gets_the_same_bytes(service: str, trainer: Trainer) -> None:
    assert asked(service, trainer, WRONG).content == asked(service, trainer, WRONG).content


@every_trainer
def test_too_large_a_body_is_refused(locked: str, trainer: Trainer) -> None:
    body = trainer.ask("a" * 20_001, CARRIER_TEXT)
    answer = post(locked, trainer, body, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:verifier:problem:body-too-large"


@every_trainer
@pytest.mark.parametrize(
    "credentials",
    [
        {"headers": {"Authorization": f"Bearer {KEY}"}},
        {"headers": {"X-Api-Key": KEY}},
        {"auth": ("anybody", KEY)},
    ],
    ids=["bearer", "x-api-key", "basic"],
)
def test_a_key_opens_every_wire(locked: str, trainer: Trainer, credentials: dict[str, Any]) -> None:
    answer = post(locked, trainer, trainer.ask(RIGHT, CARRIER_TEXT), **credentials)
    assert trainer.take(answer.json()) == 1.0


@every_trainer
def test_a_key_in_the_url_opens_every_wire(locked: str, trainer: Trainer) -> None:
    """All that a trainer without headers can do."""
    url = locked.replace("http://", f"http://trainer:{KEY}@")
    assert trainer.take(asked(url, trainer, RIGHT).json()) == 1.0


@every_trainer
@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"headers": {"Authorization": "Bearer wrong"}},
        {"headers": {"Authorization": ""}},
        {"headers": {"X-Api-Key": "wrong"}},
        {"auth": (KEY, "wrong")},
    ],
    ids=["none", "bearer", "empty", "x-api-key", "basic"],
)
def test_without_a_valid_key_every_wire_is_closed(
    locked: str, trainer: Trainer, credentials: dict[str, Any]
) -> None:
    answer = post(locked, trainer, trainer.ask(RIGHT, CARRIER_TEXT), **credentials)
    assert answer.status_code == 401


@every_trainer
def test_what_we_could_not_score_may_be_sent_again(service: str, trainer: Trainer) -> None:
    answer = asked(service, trainer, ENDLESS, json.dumps(SLOW))
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:verifier:problem:unscored"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["errors"][0]["pointer"].startswith(trainer.carrier_at)


@every_trainer
@pytest.mark.parametrize(
    ("text", "carrier", "outcome"),
    [
        (RIGHT, '{"toolset": "finance"}', "invalid_task"),
        (RIGHT, json.dumps({**CARRIER, "toolset": "nowhere"}), "invalid_task"),
        (ENDLESS, json.dumps(SLOW), "timeout"),
    ],
    ids=["no ground truth", "unknown toolset", "timeout"],
)
def test_an_operator_may_have_a_number_instead_told_and_counted(
    lenient: str, trainer: Trainer, text: str, carrier: str, outcome: str
) -> None:
    labels = {"wire": trainer.wire, "outcome": outcome, "answered": "number"}
    before = unscored(lenient, **labels)
    answer = asked(lenient, trainer, text, carrier)
    assert answer.status_code == 200
    assert trainer.take(answer.json()) == INSTEAD
    assert trainer.told(answer.json()) in {1.0, None}
    assert unscored(lenient, **labels) == before + 1


@every_trainer
def test_a_refusal_is_counted(service: str, trainer: Trainer) -> None:
    labels = {"wire": trainer.wire, "outcome": "invalid_task", "answered": "refused"}
    before = unscored(service, **labels)
    asked(service, trainer, RIGHT, "{}")
    assert unscored(service, **labels) == before + 1


@every_trainer
def test_a_reward_is_told_to_be_one(lenient: str, trainer: Trainer) -> None:
    assert trainer.told(asked(lenient, trainer, "").json()) in {0.0, None}


def unscored(url: str, **labels: str) -> float:
    exposition = httpx.get(f"{url}/metrics").text
    lines = [line for line in exposition.splitlines() if "verifier_wire_unscored_total{" in line]
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    return sum(float(line.split()[-1]) for line in lines if all(one in line for one in wanted))


@every_trainer
def test_calls_are_matched_as_values_not_as_text(service: str, trainer: Trainer) -> None:
    turned = dict(reversed(ARGUMENTS.items()))
    said = json.dumps({"arguments": turned, "name": "get_stock_price"})
    text = f"<tool_call>{said}</tool_call>"
    assert trainer.take(asked(service, trainer, text).json()) == 1.0
