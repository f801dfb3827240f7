"""What the rules forbid stands nowhere in a line, whatever format a policy writes it in."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.score_log.lines import Lines, Record
from verifier_service.score_log.masking import MASKED, Mask

SECRETS = st.text("bcdfghjkmqvxz0123456789", min_size=6, max_size=20)
FORMATS = [
    pytest.param('{{"name": "login", "arguments": {{"password": "{0}"}}}}', id="json"),
    pytest.param('{{"name": "login", "arguments": "{{\\"password\\": \\"{0}\\"}}"}}', id="in text"),
    pytest.param('{{"arguments": {{"pass\\u0077ord": "{0}"}}}}', id="escaped name"),
    pytest.param("<parameter=password>\n{0}\n</parameter>", id="elements"),
    pytest.param('[login(**{{"\\x70assword": "{0}"}})]', id="escaped as in Python"),
    pytest.param(
        '[login(\N{FULLWIDTH LATIN SMALL LETTER P}assword="{0}")]', id="a name as Python reads it"
    ),
    pytest.param("<arg>&#112;assword</arg><value>{0}</value>", id="entity"),
    pytest.param('[login(password="{0}")]', id="python"),
    pytest.param("Your PASSWORD is {0}.", id="prose"),
    pytest.param('"x\\npassword: {0}"', id="behind a line break"),
]


def record(request: dict[str, Any], reply: dict[str, Any], **members: Any) -> Record:
    return Record("r", 0.0, 1, json.dumps(request).encode(), json.dumps(reply).encode(), **members)


def answered(completion: Any, truth: Any, failures: list[Any], **members: Any) -> Record:
    verdict = {"item": 0, "completion": 0, "outcome": "scored", "reward": 0.0, "tier": "none"}
    return record(
        {"toolset": "t", "items": [{"completion": completion, "ground_truth": truth, **members}]},
        {
            "rewards": [0.0],
            "verdicts": [{**verdict, "failures": failures}],
            "profile": {"name": "tiered", "digest": "sha256:0"},
            "toolset": {"name": "t", "digest": "sha256:0"},
            "version": "0",
        },
    )


def written(lines: Lines, one: Record) -> str:
    made = list(lines.of(one))
    return b"".join([*lines.tools.values(), *(line.text for line in made)]).decode()


@pytest.mark.parametrize("template", FORMATS)
@given(secret=SECRETS)
def test_an_argument_is_masked_in_every_format(template: str, secret: str) -> None:
    failure = {"code": "values.wrong", "path": "/text", "message": secret, "actual": [secret]}
    one = answered(template.format(secret), "refuse", [failure])
    assert secret not in written(Lines(Mask(names=["password"])), one)


@given(secret=SECRETS)
def test_a_value_that_is_masked_once_is_masked_wherever_the_line_repeats_it(secret: str) -> None:
    truth = {"calls": [{"name": "login", "arguments": {"Password": secret, "user": "me"}}]}
    failure = {"code": "x", "path": f"/{secret}", "message": secret, "actual": {secret: 1}}
    one = answered(f"It is {secret}!", truth, [failure], id=secret)
    assert secret not in written(Lines(Mask(names=["password"])), one)


@given(secret=st.text("\"'\\\n\té&<ab", min_size=2).map("ab{}".format))
@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_a_value_is_found_again_however_often_it_is_escaped(secret: str, times: int) -> None:
    escaped = secret
    for _ in range(times):
        escaped = json.dumps(escaped)[1:-1]
    truth = {"calls": [{"name": "login", "arguments": {"password": secret}}]}
    one = answered(f"It is {escaped} .", truth, [])
    assert "It is" not in written(Lines(Mask(names=["password"])), one)


@given(secret=SECRETS)
def test_a_pattern_sees_through_the_quotes_of_a_text_within_a_text(secret: str) -> None:
    carrier = json.dumps({"label": json.dumps({"key": secret})})
    one = answered(carrier, "refuse", [])
    assert secret not in written(Lines(Mask(patterns=['"key": "[a-z0-9]+"'])), one)


@pytest.mark.parametrize(
    "repeated", ["\\", "\\ ", "&", "&#", "{", '"', "password ", "\\u007", " \n"]
)
def test_masking_takes_time_in_proportion_to_a_text(repeated: str) -> None:
    """A policy that repeats itself must not hold up the log."""
    mask = Mask(names=["password"], patterns=["(a+)+b"])

    def seconds(times: int) -> float:
        line = {"task": {"password": "swordfish"}, "completion": repeated * times}
        started = time.process_time()
        mask.masked(line)
        return time.process_time() - started

    assert min(seconds(32_000) for _ in range(3)) < 40 * min(seconds(2_000) for _ in range(3)) + 0.1


@given(secret=SECRETS)
def test_a_place_is_masked_by_its_pointer(secret: str) -> None:
    truth = {"calls": [{"name": "f", "arguments": {"a": secret}}, {"name": "g", "arguments": {}}]}
    mask = Mask(pointers=["/task/ground_truth/calls/*/arguments/a"])
    line = written(Lines(mask), answered(f"f({secret})", truth, []))
    assert secret not in line
    assert json.loads(line)["task"]["ground_truth"]["calls"][0]["name"] == "f"


@given(digits=st.text("0123456789", min_size=16, max_size=16))
def test_a_text_is_masked_by_a_pattern_in_tools_too(digits: str) -> None:
    tools = [{"name": "pay", "parameters": {"properties": {"card": {"default": digits}}}}]
    one = answered(f"pay {digits}", {"card": digits}, [], tools=tools, metadata={"c": digits})
    assert digits not in written(Lines(Mask(patterns=[r"\b\d{16}\b"])), one)


@given(number=st.integers(10**6, 10**12))
def test_a_masked_number_is_masked_where_it_is_found_again(number: int) -> None:
    truth = {"calls": [{"name": "f", "arguments": {"pin": number}}]}
    one = answered(f"{number}", truth, [{"code": "x", "path": "", "actual": number}])
    assert str(number) not in written(Lines(Mask(names=["pin"])), one)


@given(secret=SECRETS)
def test_a_trainers_request_is_masked_and_its_answer_left_out(secret: str) -> None:
    carrier = json.dumps({"ground_truth": [{"name": "f", "arguments": {"password": secret}}]})
    one = record({"query": secret, "label": carrier}, {"why": secret}, wire="slime")
    assert secret not in written(Lines(Mask(names=["password"])), one)


@given(completion=st.text("bcdfghjkmqvxz", min_size=8))
def test_without_completions_nothing_quotes_one(completion: str) -> None:
    failure = {"code": "x", "path": f"/{completion}", "message": completion, "actual": completion}
    one = answered(completion, "refuse", [failure])
    assert completion not in written(Lines(Mask(), completions=False), one)


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(Mask(names=["code", "task", "verdict", "failures"]), id="names of ours"),
        pytest.param(Mask(pointers=["/verdict", "/task"]), id="whole members"),
        pytest.param(Mask(pointers=["/verdict/failures"]), id="all failures"),
        pytest.param(Mask(patterns=["."]), id="every text"),
    ],
)
def test_rewards_and_codes_are_ours_and_stay(mask: Mask) -> None:
    failure = {"code": "schema.type", "path": "/calls/0", "message": "m", "actual": "a"}
    one = answered("f(1)", {"calls": []}, [failure], tools=[{"name": "f"}])
    *_, line = written(Lines(mask), one).splitlines()
    verdict = json.loads(line)["verdict"]
    assert (verdict["reward"], verdict["failures"][0]["code"]) == (0.0, "schema.type")


def test_what_no_rule_names_stays() -> None:
    truth = {"calls": [{"name": "f", "arguments": {"compassword": "x", "city": "Rome"}}]}
    line = json.loads(written(Lines(Mask(names=["password"])), answered("Rome", truth, [])))
    assert (line["task"]["ground_truth"], line["completion"]) == (truth, "Rome")
    assert "masked" not in line


def test_a_line_says_which_members_are_masked() -> None:
    one = answered("password: x", "refuse", [])
    line = json.loads(written(Lines(Mask(names=["password"])), one))
    assert (line["completion"], line["masked"]) == (MASKED, ["completion"])
