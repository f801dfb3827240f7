"""What a hostile caller sends to a running service: refused by the contract, and nothing breaks."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.running_service import RunningService, running_service

KEY: Final = "key-of-the-test"
AUTH: Final = {"Authorization": f"Bearer {KEY}"}
GOOD: Final = json.dumps(
    {
        "toolset": "finance",
        "items": [{"completion": "hi", "ground_truth": {"behavior": "no_call"}}],
    }
).encode()
CHUNKED: Final = b"Transfer-Encoding: chunked"
ONE_CHUNK: Final = b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)
SMUGGLED: Final = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    folder = tmp_path_factory.mktemp("service")
    with running_service(folder, "--workers", "1", VERIFIER_API_KEYS=KEY) as running:
        yield running


@pytest.fixture(autouse=True)
def unharmed(service: RunningService) -> Iterator[None]:
    """After every test the service still scores."""
    yield
    assert post(service, GOOD).json()["rewards"] == [1.0]


def post(service: RunningService, body: bytes, **headers: str) -> httpx.Response:
    told = AUTH | {"Content-Type": "application/json"} | headers
    return httpx.post(f"{service.url}/score", content=body, headers=told, timeout=60)


def scored(service: RunningService, request: dict[str, Any]) -> dict[str, Any]:
    answer = post(service, json.dumps(request).encode())
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()["verdicts"][0]
    return verdict


def answered(service: RunningService, sent: bytes) -> bytes:
    """Everything that comes back to some bytes, until the service closes or is silent."""
    address = httpx.URL(service.url)
    received = b""
    with socket.create_connection((address.host, address.port), timeout=1) as client:
        client.sendall(sent)
        try:
            while part := client.recv(65_536):
                received += part
        except (TimeoutError, ConnectionResetError):
            pass
    return received


def head(*lines: bytes) -> bytes:
    ours = (b"POST /score HTTP/1.1", b"Host: x", f"Authorization: Bearer {KEY}".encode())
    return b"\r\n".join([*ours, b"Content-Type: application/json", *lines, b"", b""])


def length(number: object) -> bytes:
    return f"Content-Length: {number}".encode()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(length(len(GOOD)), length(5)) + GOOD, id="two lengths"),
        pytest.param(head(length(len(GOOD)), length(len(GOOD))) + GOOD, id="one length twice"),
        pytest.param(head(length("5, 5")) + b"hello", id="a list of lengths"),
        pytest.param(head(length("+5")) + b"hello", id="a signed length"),
        pytest.param(head(length(-1)) + b"hello", id="a negative length"),
        pytest.param(head(length("0x5")) + b"hello", id="a hexadecimal length"),
        pytest.param(head(length("9" * 30)) + b"hello", id="a length of 100 bits"),
        pytest.param(head(length(4), CHUNKED) + b"0\r\n\r\n" + SMUGGLED, id="length, chunks"),
        pytest.param(head(CHUNKED, length(4)) + b"0\r\n\r\n" + SMUGGLED, id="chunks, length"),
        pytest.param(head(CHUNKED + b", identity") + ONE_CHUNK, id="chunks not last"),
        pytest.param(head(b"Transfer-Encoding : chunked") + ONE_CHUNK, id="a blank in a name"),
        pytest.param(head(b"Transfer-Encoding: xchunked") + ONE_CHUNK, id="a coding of their own"),
        pytest.param(head(CHUNKED) + b"zz\r\nab\r\n0\r\n\r\n" + SMUGGLED, id="no chunk size"),
        pytest.param(head(CHUNKED) + b"-2\r\nab\r\n0\r\n\r\n" + SMUGGLED, id="a negative chunk"),
        pytest.param(head(CHUNKED) + b"f" * 17 + b"\r\nab\r\n0\r\n\r\n", id="a chunk of 68 bits"),
        pytest.param(head(CHUNKED) + b"2\r\nabXX0\r\n\r\n" + SMUGGLED, id="no end of a chunk"),
        pytest.param(head(CHUNKED) + b"2;" + b"e" * 200_000, id="a chunk's extension"),
        pytest.param(head(b"A: b\r\n c") + GOOD, id="a folded line"),
        pytest.param(head(b"A: b\x00c") + GOOD, id="a zero byte"),
        pytest.param(head(b"A: b\nB: c") + GOOD, id="a bare line feed"),
    ],
)
def test_a_request_that_two_readers_may_frame_differently_is_never_scored(
    service: RunningService, sent: bytes
) -> None:
    found = answered(service, sent)
    assert b" 200 " not in found
    assert found.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip", "*"])
def test_a_packed_body_is_refused_before_it_is_read(service: RunningService, coding: str) -> None:
    bomb = zlib.compress(bytes(20_000_000)) if coding == "deflate" else gzip.compress(bytes(10**7))
    told = post(service, bomb, **{"Content-Encoding": coding})
    assert (told.status_code, told.json()["type"]) == (
        415,
        "urn:verifier:problem:unsupported-media-type",
    )


@pytest.mark.parametrize("path", ["/toolsets", "/profiles", "/docs", "/openapi.json", "/metrics"])
@pytest.mark.parametrize(
    "written",
    ["{path}", "//{path}", "{path}/", "/healthz/..{path}", "/healthz;{path}", "{path}?/healthz"],
)
def test_no_spelling_of_a_path_goes_past_the_key(
    service: RunningService, path: str, written: str
) -> None:
    asked = written.format(path=path).encode()
    found = answered(service, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % asked)
    assert found.split()[1] == b"401"


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "%00", "finance%00.yaml", "file:%2f%2f%2fetc", "*"]
)
def test_a_toolset_is_a_name_and_no_path(service: RunningService, name: str) -> None:
    assert httpx.get(f"{service.url}/toolsets/{name}", headers=AUTH).status_code == 404


def in_request(**members: object) -> bytes:
    return json.dumps({**json.loads(GOOD), **members}).encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, 400, id="deep arrays"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, id="deep objects"),
        pytest.param(GOOD.replace(b'"hi"', b"1e999"), 400, id="a number beyond a double"),
        pytest.param(GOOD.replace(b'"hi"', b"NaN"), 400, id="NaN"),
        pytest.param(GOOD.replace(b'"hi"', b"-Infinity"), 400, id="minus infinity"),
        pytest.param(GOOD.replace(b'"hi"', b"9" * 5000), 400, id="5000 digits"),
        pytest.param(GOOD.replace(b"hi", b"\xff\xfe"), 400, id="not UTF-8"),
        pytest.param(GOOD.decode().encode("utf-16"), 400, id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, 400, id="a byte order mark"),
        pytest.param(GOOD + GOOD, 400, id="two documents"),
        pytest.param(b"", 400, id="nothing"),
        pytest.param(b"[" + b"0," * 5_000_000 + b"0]", 413, id="five million values"),
        pytest.param(b" " * (64 * 2**20 + 1), 413, id="too many bytes"),
        pytest.param(in_request(items=[{}] * 20_000), 413, id="too many items"),
        pytest.param(in_request(step=10**4000), 422, id="a step of 4000 digits"),
        pytest.param(in_request(run="r" * 100_000), 422, id="a long run"),
        pytest.param(in_request(toolset="../../etc/passwd"), 422, id="a path for a toolset"),
        pytest.param(in_request(toolset="http://127.0.0.1/x"), 422, id="a URL for a toolset"),
        pytest.param(in_request(profile="../x"), 422, id="a path for a profile"),
        pytest.param(in_request(format="{0.__class__}"), 422, id="a format string"),
        pytest.param(in_request(**{"\n\x1b[31m" + "k" * 100_000: 1}), 422, id="an odd member"),
    ],
)
def test_a_body_that_is_no_request_is_the_callers_fault(
    service: RunningService, body: bytes, status: int
) -> None:
    told = post(service, body)
    assert told.status_code == status
    assert told.json()["status"] == status
    assert "Traceback" not in told.text
    assert len(told.content) < 10_000


def with_schema(schema: object, **members: object) -> dict[str, Any]:
    call = {"name": "f", "arguments": {"a": "a" * 40 + "!"}}
    parameters = {"type": "object", "properties": {"a": schema}, **members}
    item = {"completion": json.dumps(call), "ground_truth": [call]}
    return {"tools": [{"name": "f", "parameters": parameters}], "items": [item]}


@pytest.mark.parametrize("where", ["{url}", "file:///etc/passwd", "../x.json", "//{host}/x"])
@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_a_reference_to_another_document_is_refused_and_never_followed(
    service: RunningService, keyword: str, where: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        reference = where.format(url=f"http://{host}/x", host=host)
        verdict = scored(service, with_schema({keyword: reference}))
        with pytest.raises(TimeoutError):
            listening.accept()
    assert (verdict["outcome"], verdict["reward"]) == ("invalid_task", None)
    assert verdict["failures"][0]["code"] == "task.tools"


def doubling(depth: int) -> dict[str, Any]:
    """Definitions of which each needs the next twice."""
    each = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    return {**each, f"d{depth}": {"type": "string"}}


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(with_schema({"type": "string", "pattern": "^(a+)+$"}), id="nested repeats"),
        pytest.param(with_schema({"type": "string", "pattern": "(?=(a+)+$)a*"}), id="look ahead"),
        pytest.param(with_schema({"type": "string", "pattern": "^(a+)\\1+$"}), id="look back"),
        pytest.param(
            with_schema({"type": "string", "pattern": "(((a{1,99}){1,99}){1,99})"}), id="n"
        ),
        pytest.param(with_schema({"type": "string", "pattern": "a?" * 50_000}), id="long pattern"),
        pytest.param(with_schema({"type": "string", "pattern": "(" * 5000}), id="deep pattern"),
        pytest.param(with_schema({"$ref": "#/properties/a"}), id="a reference to itself"),
        pytest.param(with_schema({"$ref": "#/$defs/d0"}, **{"$defs": doubling(40)}), id="doubling"),
        pytest.param(with_schema({"enum": list(range(200_000))}), id="a long list"),
        pytest.param(with_schema({"minLength": 10**300}), id="a huge bound"),
        pytest.param(with_schema({"type": "number", "multipleOf": 1e-300}), id="a tiny divisor"),
    ],
)
def test_no_schema_costs_more_than_its_item(
    service: RunningService, request_: dict[str, Any]
) -> None:
    verdict = scored(service, request_)
    assert (verdict["outcome"], verdict["reward"]) in {
        ("scored", 1.0),
        ("invalid_task", None),
        ("timeout", None),
    }


def test_what_callers_choose_cannot_forge_a_line_of_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    forged = 'x\n{"level":"error","event":"forged"}\r\n\u2028\x1b[31m'
    variables = {"VERIFIER_LOG_LEVEL": "debug", "VERIFIER_API_KEYS": KEY}
    with running_service(tmp_path, "--workers", "1", **variables) as service:
        item = {"id": forged, "completion": forged, "ground_truth": {"behavior": "no_call"}}
        assert post(service, in_request(run=forged, items=[item])).status_code == 200
        httpx.get(f"{service.url}/x", params={"run": forged}, headers=AUTH)
        httpx.get(f"{service.url}/healthz", headers={"X-Request-Id": "forged"})
        service.process.terminate()
        service.process.wait(60)
    text = capfd.readouterr().err
    events = {json.loads(line)["event"] for line in text.splitlines()}
    assert events >= {"request", "probe", "stopped"}
    assert "forged" not in text
    assert KEY not in text
