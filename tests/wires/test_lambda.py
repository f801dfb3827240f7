"""The Lambda of one file, against really running services."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.wires.trainers import (
    CARRIER,
    CARRIER_TEXT,
    ENDLESS,
    KEY,
    PROMPT,
    RIGHT,
    SLOW,
    TRUTH,
    WRONG,
    take_results,
)
from verifier_service.integrations import aws_lambda
from verifier_service.integrations.aws_lambda import (
    RESERVE_S,
    NoRewards,
    lambda_handler,
    nova_handler,
    oss_handler,
)

FILE = Path(aws_lambda.__file__)
OURS = ("URL", "API_KEY", "ENVELOPE", "TOOLSET", "PROFILE", "FORMAT", "TURNS", "WIRE_UNSCORED")


class Context:
    """What AWS gives a handler beside the event."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds + RESERVE_S

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


AMPLE = Context(60.0)
BRIEF = Context(0.9)
"""Not enough for a second attempt, whose pause is a second."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the developer's, and nothing loaded with other settings."""
    for name in OURS:
        monkeypatch.delenv(f"VERIFIER_{name}", raising=False)
    yield
    aws_lambda._loaded.clear()


@pytest.fixture(params=["forwarded", "in process"])
def anywhere(request: pytest.FixtureRequest, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of scoring: what holds for one holds for the other."""
    if request.param == "forwarded":
        monkeypatch.setenv("VERIFIER_URL", service)


def samples(*texts: str, carrier: Any = CARRIER_TEXT) -> list[dict[str, Any]]:
    return [
        {
            "id": f"p{index}",
            "messages": [*PROMPT, {"role": "assistant", "content": text}],
            "reference_answer": carrier,
        }
        for index, text in enumerate(texts)
    ]


BATCH = samples(RIGHT, WRONG, "")
REWARDS = [1.0, 0.5, 0.0]


def rewards(results: Any) -> list[float]:
    return take_results(results, ["p0", "p1", "p2"])


@pytest.mark.usefixtures("anywhere")
class TestEitherWay:
    def test_nova_models_get_a_list(self) -> None:
        assert rewards(lambda_handler(BATCH, AMPLE)) == REWARDS

    def test_open_weight_models_get_an_envelope(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VERIFIER_ENVELOPE", "oss")
        answer = lambda_handler(BATCH, AMPLE)
        assert (answer["statusCode"], answer["headers"]) == (
            200,
            {"content-type": "application/json"},
        )
        assert rewards(json.loads(answer["body"])) == REWARDS

    def test_an_entry_point_names_the_envelope(self) -> None:
        assert nova_handler(BATCH, AMPLE) == json.loads(oss_handler(BATCH, AMPLE)["body"])

    @pytest.mark.parametrize(
        "event",
        [
            {"batch": BATCH},
            {"body": json.dumps(BATCH), "requestContext": {"http": {"method": "POST"}}},
            {"body": json.dumps({"batch": BATCH})},
            {"body": BATCH},
            {
                "body": base64.b64encode(json.dumps(BATCH).encode()).decode(),
                "isBase64Encoded": True,
            },
        ],
        ids=["batch", "function url", "batch in a body", "decoded body", "base64"],
    )
    def test_events_come_in_many_wrappings(self, event: dict[str, Any]) -> None:
        assert rewards(json.loads(oss_handler(event, AMPLE)["body"])) == REWARDS

    def test_what_came_by_http_is_answered_as_http(self) -> None:
        """An API Gateway understands nothing else, whichever the model is."""
        answer = nova_handler({"body": json.dumps(BATCH)}, AMPLE)
        assert answer["statusCode"] == 200
        assert rewards(json.loads(answer["body"])) == REWARDS

    @pytest.mark.parametrize(
        "event", [{}, {"body": "{"}, {"body": "{}"}, {"body": None}, "x", None]
    )
    def test_what_is_no_batch_is_named(self, event: Any) -> None:
        with pytest.raises(NoRewards, match="event"):
            lambda_handler(event, AMPLE)

    def test_no_samples_get_no_results(self) -> None:
        assert lambda_handler([], AMPLE) == []

    def test_a_sample_without_an_id_gets_its_place(self) -> None:
        [sample] = samples(RIGHT)
        del sample["id"]
        assert lambda_handler([sample], AMPLE)[0]["id"] == "0"

    def test_a_wrong_task_fails_its_batch_by_name(self) -> None:
        wrong = [*samples(RIGHT), *samples(RIGHT, carrier="{")]
        with pytest.raises(NoRewards, match=r"422.*/1/reference_answer"):
            lambda_handler(wrong, AMPLE)

    def test_variables_fill_in_what_carriers_lack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VERIFIER_TOOLSET", "finance")
        monkeypatch.setenv("VERIFIER_PROFILE", "binary")
        batch = samples(RIGHT, WRONG, "", carrier=json.dumps({"ground_truth": TRUTH}))
        assert rewards(lambda_handler(batch, AMPLE)) == [1.0, 0.0, 0.0]

    def test_a_variable_says_whose_answers_are_judged(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [sample] = samples(RIGHT)
        sample["messages"].append({"role": "assistant", "content": ""})
        with pytest.raises(NoRewards, match="turns=all"):
            lambda_handler([sample], AMPLE)
        monkeypatch.setenv("VERIFIER_TURNS", "all")
        assert lambda_handler([sample], AMPLE)[0]["aggregate_reward_score"] == 1.0

    def test_what_never_ends_is_no_zero(self) -> None:
        """On a busy machine the time is over before the service can say so."""
        with pytest.raises(NoRewards, match=r"503|cannot be reached"):
            lambda_handler(samples(ENDLESS, carrier=SLOW), BRIEF)

    def test_the_check_of_the_sdk_may_run_it_without_a_context(self) -> None:
        """It executes the file's text and calls the handler with an empty context."""
        namespace: dict[str, Any] = {}
        exec(FILE.read_text("utf-8"), namespace)
        assert rewards(namespace["lambda_handler"](BATCH, {})) == REWARDS


def test_an_envelope_of_no_family_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_ENVELOPE", "llama")
    with pytest.raises(NoRewards, match="VERIFIER_ENVELOPE"):
        lambda_handler(BATCH, AMPLE)


def test_the_key_opens_the_service(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", locked)
    monkeypatch.setenv("VERIFIER_API_KEY", KEY)
    assert rewards(lambda_handler(BATCH, AMPLE)) == REWARDS


def test_without_the_key_nothing_is_tried_again(
    locked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_URL", locked)
    with pytest.raises(NoRewards, match="401"):
        lambda_handler(BATCH, AMPLE)


def test_a_number_stands_in_where_the_service_says_so(
    lenient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_URL", lenient)
    batch = [*samples(RIGHT), *samples(RIGHT, carrier="{")]
    scores = [one["aggregate_reward_score"] for one in lambda_handler(batch, AMPLE)]
    assert scores == [1.0, -0.25]


def test_a_number_stands_in_where_the_lambda_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_WIRE_UNSCORED", "sagemaker=-1")
    [result] = lambda_handler(samples(RIGHT, carrier="{"), AMPLE)
    assert result["aggregate_reward_score"] == -1.0


def test_a_variable_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_WIRE_UNSCORED", "nowhere=0")
    with pytest.raises(NoRewards, match="VERIFIER_WIRE_UNSCORED"):
        lambda_handler(BATCH, AMPLE)


@pytest.mark.parametrize("key", ["s3cret\n", "s3 cret", "s3cretключ"])
def test_a_key_that_no_header_can_hold_is_not_told(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_API_KEY", key)
    with pytest.raises(NoRewards, match="VERIFIER_API_KEY") as refused:
        lambda_handler([{}], None)
    assert "s3" not in str(refused.value)


def test_an_outage_fails_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    with pytest.raises(NoRewards, match="cannot be reached"):
        lambda_handler(BATCH, BRIEF)


@pytest.mark.parametrize(
    "url",
    [
        "host:8080",
        "ftp://host",
        "http://",
        "http://[::1",
        "http://host/\u00e9",
        "http://a host",
        f"http://{'h' * 64}",
        "http://host:port",
        "http://name:secret@host",
    ],
)
def test_an_address_that_is_none_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", url)
    with pytest.raises(NoRewards, match="VERIFIER_URL"):
        lambda_handler(BATCH, AMPLE)


@contextmanager
def answering(*answers: tuple[int, str]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these answers in order; and the bodies that it was sent."""
    left, bodies = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = left.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


class Upstream(BaseHTTPRequestHandler):
    """Answers as a case says, whatever it is asked; `asked` holds the keys that it was shown."""

    status, body, length = 200, b"", -1
    headers_: tuple[tuple[str, str], ...] = ()
    asked: list[tuple[str, str | None]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(self.status)
        for header in self.headers_:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(self.body) if self.length < 0 else self.length))
        self.end_headers()
        self.wfile.write(self.body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def upstream(
    status: int, body: bytes, *headers: tuple[str, str], length: int = -1
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    members = {"status": status, "body": body, "headers_": headers, "length": length, "asked": []}
    handler = type("Odd", (Upstream,), members)
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "length"),
    [
        (503, b'{"errors": [{"message": "x"}]}', -1),
        (503, b'{"errors": ["x"]}', -1),
        (502, b'{"errors": "bad"}', -1),
        (422, b'{"errors": {"a": 1}, "detail": 5}', -1),
        (422, b"[1]", -1),
        (503, b"{", 1000),
        (422, b"{", 1000),
        (503, b"[" * 200_000, -1),
    ],
)
def test_an_error_in_any_words_is_no_reward(
    status: int, body: bytes, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with upstream(status, body, length=length) as (url, _):
        monkeypatch.setenv("VERIFIER_URL", url)
        with pytest.raises(NoRewards, match=str(status)):
            lambda_handler(samples(RIGHT), BRIEF)


@pytest.mark.parametrize("pause", ["\xb2", "-1", "soon", "", "9" * 400])
def test_a_pause_that_is_none_is_no_fault(pause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream(503, b"{}", ("Retry-After", pause)) as (url, _):
        monkeypatch.setenv("VERIFIER_URL", url)
        with pytest.raises(NoRewards, match="503"):
            lambda_handler(samples(RIGHT), BRIEF)


def test_a_redirect_does_not_get_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with upstream(200, b"[]") as (elsewhere, asked_there):
        to = elsewhere.replace("127.0.0.1", "localhost") + "/other"
        with upstream(302, b"", ("Location", to)) as (url, _):
            monkeypatch.setenv("VERIFIER_URL", url)
            monkeypatch.setenv("VERIFIER_API_KEY", KEY)
            with pytest.raises(NoRewards, match="302"):
                lambda_handler(samples(RIGHT), AMPLE)
    assert asked_there == []


@pytest.mark.parametrize(
    "event", [[{"a": {1}}], [json.loads("[" * 900 + "]" * 900)], {"body": "[" * 100_000}]
)
def test_an_event_that_is_no_json_is_named(event: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    with pytest.raises(NoRewards, match=r"event|reached"):
        lambda_handler(event, BRIEF)


RESULT = json.dumps([{"id": "p0", "aggregate_reward_score": 1.0, "metrics_list": []}])


def test_what_passes_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering((503, "{}"), (502, "<html>"), (200, RESULT)) as (url, bodies):
        monkeypatch.setenv("VERIFIER_URL", url)
        [result] = lambda_handler(samples(RIGHT), AMPLE)
    assert result["aggregate_reward_score"] == 1.0
    assert bodies == [bodies[0]] * 3


@pytest.mark.parametrize(
    "answer",
    [
        "[]", "{}", "<html>", "null", "[null]", '[{"x": 1}]', "[" * 200_000,
        '[{"id": "p0", "aggregate_reward_score": NaN, "metrics_list": []}]',
        '[{"id": "p0", "aggregate_reward_score": 1e999, "metrics_list": []}]',
        '[{"id": "p0", "aggregate_reward_score": true, "metrics_list": []}]',
        '[{"id": "p0", "aggregate_reward_score": 1' + "0" * 400 + ', "metrics_list": []}]',
        '[{"id": "p0", "aggregate_reward_score": "1", "metrics_list": []}]',
        '[{"id": "p0", "aggregate_reward_score": 1.0}]',
        '[{"id": "p0", "aggregate_reward_score": 1.0, "metrics_list": [{"name": "x"}]}]',
        '[{"id": "p1", "aggregate_reward_score": 1.0, "metrics_list": []}]',
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_that_is_none_is_no_reward(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering((200, answer)) as (url, _):
        monkeypatch.setenv("VERIFIER_URL", url)
        with pytest.raises(NoRewards, match="VERIFIER_URL"):
            lambda_handler(samples(RIGHT), AMPLE)


def test_the_file_needs_the_standard_library_alone(service: str) -> None:
    """AWS installs nothing beside it."""
    program = (
        "import json, sys\n"
        "namespace = {}\n"
        f"exec(open({str(FILE)!r}).read(), namespace)\n"
        "print(json.dumps(namespace['lambda_handler'](json.load(sys.stdin), None)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        input=json.dumps(BATCH),
        env={"VERIFIER_URL": service},
        capture_output=True,
        text=True,
        check=True,
    )
    assert rewards(json.loads(ran.stdout)) == REWARDS


def test_an_object_of_a_carrier_is_the_same_as_its_text() -> None:
    batch = samples(RIGHT, WRONG, "", carrier=CARRIER)
    assert lambda_handler(batch, AMPLE) == lambda_handler(BATCH, AMPLE)
