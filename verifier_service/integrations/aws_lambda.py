"""AWS Lambda: the reward function of SageMaker's RLVR and Bedrock's reinforcement fine-tuning.

This file needs the standard library alone. Upload it as it is and name `lambda_handler`, or name
`nova_handler` or `oss_handler` after the family of the model, which no event tells.

| variable | meaning |
|---|---|
| `VERIFIER_URL` | address of the service; without it, this package scores in the Lambda itself |
| `VERIFIER_API_KEY` | the service's key |
| `VERIFIER_ENVELOPE` | `nova` (default) or `oss`, for open-weight models: what to answer |
| `VERIFIER_TOOLSET`, `VERIFIER_PROFILE`, `VERIFIER_FORMAT` | what a carrier leaves out |
| `VERIFIER_TURNS` | `all` or `last`, where a conversation ends with several answers: docs/api.md |

Every sample of an event gets a reward, or `NoRewards` is raised and AWS fails the batch: an outage
is no 0. What does not last is tried again while the Lambda has time. A sample whose task is wrong
fails its batch, too; the error names it. Where a number should stand for such samples, tell the
service: `VERIFIER_WIRE_UNSCORED=sagemaker=0`. Without a service, that and its other variables are
read here.

Source: sagemaker-python-sdk, `rlvr_reward_verifier.py`; Amazon's guides to SageMaker, Nova and
Bedrock.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

NOVA = "nova"
OSS = "oss"
PATH = "/sagemaker/rlvr"
ATTEMPT_S = 130.0
"""More than the service takes before it says that it cannot."""
RESERVE_S = 2.0
"""Of the Lambda's time, for the answer."""
WITHOUT_CONTEXT_S = 600.0
"""For checks that run the handler outside a Lambda."""
LONGEST_PAUSE_S = 30.0
LARGEST = 1e300
"""What a reward or a measure may be."""
LONGEST_WAIT_S = 3600.0
"""Of what the service asks for: more than a Lambda has."""
PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may fare better."""


class NoRewards(Exception):
    """The batch has no rewards; the text says why, and what to do."""


class Passing(Exception):
    """An attempt failed in a way that may not last."""

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        super().__init__(reason)


def lambda_handler(event: Any, context: Any) -> Any:
    """The rewards of an event's samples, in the envelope that `VERIFIER_ENVELOPE` names.

    Raises:
        NoRewards: There are none.
    """
    envelope = os.environ.get("VERIFIER_ENVELOPE", NOVA)
    if envelope not in (NOVA, OSS):
        raise NoRewards(f"VERIFIER_ENVELOPE must be nova or oss, not {envelope[:40]!r}")
    return _answer(event, context, envelope)


def nova_handler(event: Any, context: Any) -> Any:
    """For Nova models: a list of results.

    Raises:
        NoRewards: There are none.
    """
    return _answer(event, context, NOVA)


def oss_handler(event: Any, context: Any) -> Any:
    """For open-weight models: an HTTP-like envelope around the list, as text.

    Raises:
        NoRewards: There are none.
    """
    return _answer(event, context, OSS)


def _answer(event: Any, context: Any, envelope: str) -> Any:
    deadline = time.monotonic() + _seconds_left(context)
    results = _results(_samples(event), deadline)
    if envelope == NOVA and not _came_by_http(event):
        return results
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(results)}


# The event


def _samples(event: Any) -> list[Any]:
    """The list that an invocation, an API Gateway or a Function URL hands over."""
    found = _body(event) if _came_by_http(event) else event
    if isinstance(found, dict) and "batch" in found:
        found = found["batch"]
    if not isinstance(found, list):
        raise NoRewards("the event must be a list of samples, or hold one as its body or batch")
    return found


def _came_by_http(event: Any) -> bool:
    return isinstance(event, dict) and "body" in event


def _body(event: dict[str, Any]) -> Any:
    body = event["body"]
    if not isinstance(body, str):
        return body
    try:
        text = base64.b64decode(body) if event.get("isBase64Encoded") else body
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoRewards("the body of the event is not JSON") from None


def _seconds_left(context: Any) -> float:
    tell = getattr(context, "get_remaining_time_in_millis", None)
    return tell() / 1000 - RESERVE_S if tell else WITHOUT_CONTEXT_S


# The rewards


def _results(samples: list[Any], deadline: float) -> list[Any]:
    """One result a sample, in order, after as many attempts as there is time for."""
    attempt = _post if os.environ.get("VERIFIER_URL") else _score_here
    pause_s = 0.5
    while True:
        try:
            results = attempt(samples, deadline)
        except Passing as failure:
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            wait_s = max(pause_s, failure.pause_s)
            if time.monotonic() + wait_s >= deadline:
                raise NoRewards(f"{failure}; the Lambda's time is spent, send it again") from None
            time.sleep(wait_s)
        else:
            if not (isinstance(results, list) and len(results) == len(samples)):
                raise NoRewards("VERIFIER_URL answers with something else than results")
            if not all(map(_is_result, samples, results, range(len(samples)))):
                raise NoRewards("VERIFIER_URL answers with something else than results")
            return results


def _is_result(sample: Any, result: Any, place: int) -> bool:
    """Whether a result is that of a sample: AWS would train on whatever it is given."""
    if not isinstance(result, dict) or not _is_number(result.get("aggregate_reward_score")):
        return False
    metrics = result.get("metrics_list")
    named = isinstance(metrics, list) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) and _is_number(one.get("value"))
        for one in metrics
    )
    return named and result.get("id") == _id(sample, place)


def _id(sample: Any, place: int) -> Any:
    """As the service gives it back."""
    metadata = sample.get("metadata") if isinstance(sample, dict) else None
    key = metadata.get("key") if isinstance(metadata, dict) else None
    given = sample.get("id") if isinstance(sample, dict) else None
    return next((one for one in (given, key) if one not in (None, "")), str(place))


def _is_number(value: Any) -> bool:
    """Whether it is finite, too; an integer may be larger than any float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST


class _Here(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key is for the service, and for nobody that an answer names."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_Here)


def _post(samples: list[Any], deadline: float) -> Any:
    """What the service answers."""
    headers = {"Content-Type": "application/json", **_authorization()}
    request = urllib.request.Request(_url(), _encoded(samples), headers)  # noqa: S310  checked there
    timeout_s = max(0.001, min(ATTEMPT_S, deadline - time.monotonic()))
    try:
        with _OPENER.open(request, timeout=timeout_s) as response:
            return _decoded(response.read())
    except urllib.error.HTTPError as error:
        pause_s = _pause_s(error.headers.get("Retry-After", ""))
        raise _failure(error.code, _problem(error), pause_s) from None
    except (OSError, http.client.HTTPException) as error:
        raise Passing(f"the service cannot be reached: {error}") from None


def _url() -> str:
    """Where the service takes samples; what cannot be an address is no passing trouble."""
    url = os.environ["VERIFIER_URL"].rstrip("/")
    try:
        parts = urllib.parse.urlsplit(url)
        sound = url.isascii() and url.isprintable() and " " not in url and bool(parts.hostname)
        sound = sound and all(len(label) <= 63 for label in str(parts.hostname).split("."))
        parts.port  # noqa: B018  says so if it is none
    except ValueError:
        sound = False
    if not sound or parts.scheme not in ("http", "https"):
        raise NoRewards("VERIFIER_URL must be an address such as http://host:8080")
    if parts.username is not None or parts.password is not None:
        raise NoRewards("VERIFIER_URL must hold no name and password; set VERIFIER_API_KEY instead")
    return url + PATH + _query()


def _authorization() -> dict[str, str]:
    """The header with the key, which no message may repeat."""
    key = os.environ.get("VERIFIER_API_KEY", "")
    if not key:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key:
        raise NoRewards("VERIFIER_API_KEY holds a character that a header cannot carry")
    return {"Authorization": f"Bearer {key}"}


def _score_here(samples: list[Any], deadline: float) -> Any:
    """What the service would answer, without one."""
    score = _scorer()
    status, body = score(_encoded(samples), _query(), deadline - time.monotonic())
    if status == 200:
        return _decoded(body)
    raise _failure(status, _decoded(body))


def _failure(status: int, problem: Any, pause_s: float = 0.0) -> Exception:
    """A problem document as an error: one that lasts, or one that passes."""
    told = problem if isinstance(problem, dict) else {}
    errors = told.get("errors")
    faults = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    places = "".join(f"; {one.get('pointer')}: {one.get('detail')}" for one in faults[:8])
    text = f"status {status}: {told.get('detail', 'no problem document')}{places}"
    return Passing(text, pause_s) if status in PASSING else NoRewards(text)


def _problem(error: urllib.error.HTTPError) -> Any:
    """What an error says; its status counts where the rest does not arrive."""
    try:
        return _decoded(error.read())
    except (OSError, http.client.HTTPException):
        return None


def _pause_s(text: str) -> float:
    return min(float(text), LONGEST_WAIT_S) if text.isascii() and text.isdigit() else 0.0


def _query() -> str:
    """What carriers leave out, and whose answers are judged, as parameters of the URL."""
    names = {
        "toolset": "TOOLSET",
        "profile": "PROFILE",
        "tool_call_format": "FORMAT",
        "turns": "TURNS",
    }
    values = {name: os.environ.get("VERIFIER_" + said) for name, said in names.items()}
    query = urllib.parse.urlencode({name: value for name, value in values.items() if value})
    return "?" + query if query else ""


def _encoded(samples: list[Any]) -> bytes:
    try:
        return json.dumps(samples).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NoRewards(f"the event cannot be sent as JSON: {error}") from None


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


_loaded: dict[str, Callable[[bytes, str, float], tuple[int, bytes]]] = {}
"""A Lambda keeps its module between events; loading what scores takes a second."""


def _scorer() -> Callable[[bytes, str, float], tuple[int, bytes]]:
    """Body, query and seconds in, status and body out: the service's own handler of this wire."""
    if PATH not in _loaded:
        try:
            _loaded[PATH] = _load()
        except ImportError as error:
            raise NoRewards(
                "set VERIFIER_URL to the service's address, http://host:8080, or install "
                f"verifier-service[server] in the Lambda's image ({error})"
            ) from None
    return _loaded[PATH]


def _load() -> Callable[[bytes, str, float], tuple[int, bytes]]:
    from pydantic import ValidationError  # noqa: PLC0415  none of these may be there

    from verifier_service.engine import EngineConfig  # noqa: PLC0415
    from verifier_service.handler import build_handler  # noqa: PLC0415
    from verifier_service.jobs import Call, Job, Task  # noqa: PLC0415
    from verifier_service.settings import Settings, settings_faults  # noqa: PLC0415

    try:
        settings = Settings()
    except ValidationError as error:
        raise NoRewards(settings_faults(error)) from None
    config = EngineConfig(
        toolsets=settings.toolsets,
        profiles=settings.profiles,
        limits=settings.limits,
        item_timeout_s=settings.item_timeout_ms / 1000,
        max_batch=settings.max_batch,
        wire_unscored=settings.wire_unscored,
    )
    handler = build_handler(config)

    def score(body: bytes, query: str, seconds: float) -> tuple[int, bytes]:
        call = Call("sagemaker", query.removeprefix("?"))
        reply = handler(Job(Task.WIRE, body, deadline_s=seconds, call=call), _Silent())
        return reply.status, reply.body

    return score


class _Silent:
    """Progress that nobody waits for."""

    def working_on(self, index: int) -> None:
        pass

    def finished(self, piece: bytes) -> None:
        pass
