"""What one connection may do, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
import uvloop

from verifier_service import connections, door
from verifier_service.connections import WITH_PROBES, WITH_TRAINERS, Patience
from verifier_service.front import DEPARTURE
from verifier_service.server import listen

END = b"\r\n\r\n"


async def echo(scope: dict, receive: Callable, send: Callable) -> None:
    """Answers with the method and the body; `/large` with 64 MiB, `/wait` when nobody waits."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/wait":
        await scope["state"][DEPARTURE]
    answer = b"x" * 2**26 if scope["path"] == "/large" else scope["method"].encode() + b":" + body
    length = (b"content-length", b"%d" % len(answer))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": answer, "more_body": True})
    await send({"type": "http.response.body"})


class Server(door.Server):
    """A server that is reached by `connect`."""

    clients: list[asyncio.StreamWriter]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.servers[0].sockets[0].getsockname())
        self.clients.append(writer)
        return reader, writer

    async def answer(self, *parts: bytes) -> bytes:
        """Everything that comes back until the connection is closed."""
        reader, writer = await self.connect()
        for part in parts:
            writer.write(part)
        return await asyncio.wait_for(reader.read(), 20)


@asynccontextmanager
async def serving(most: int, patience: Patience) -> AsyncIterator[Server]:
    config = uvicorn.Config(echo, ws="none", lifespan="off", log_config=None)
    server = Server(config, most, patience)
    server.clients = []
    await server.startup([listen("127.0.0.1", 0)])
    try:
        yield server
    finally:
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        for client in server.clients:
            client.transport.abort()
        await asyncio.sleep(0.01)  # Closed transports are freed by the loop.


def run(
    test: Callable[[Server], Awaitable[None]],
    most: int = 100,
    patience: Patience = WITH_TRAINERS,
) -> None:
    async def whole() -> None:
        async with serving(most, patience) as server:
            await test(server)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())


def post(*headers: bytes, body: bytes = b"hello", path: bytes = b"/") -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"host: x", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + END + body


CLOSE = b"connection: close"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(post(b"x: " + b"y" * 66_000), b"431", id="one long header"),
        pytest.param(post(b"x: " + b"y" * 1_000_000), b"431", id="one very long header"),
        pytest.param(post(*[b"x: yyyyyyyyyy"] * 7000), b"431", id="many headers"),
        pytest.param(b"GET / HTTP/1.1\r\nx: " + b"y" * 400_000, b"431", id="a head without end"),
        pytest.param(post(path=b"/" + b"y" * 17_000), b"414", id="a long URL"),
        pytest.param(b"GET /" + b"y" * 400_000, b"414", id="a URL without end"),
        pytest.param(b"nonsense\r\n\r\n", b"400", id="no HTTP"),
        pytest.param(b"GET http://[ HTTP/1.1\r\n\r\n", b"400", id="no URL"),
        pytest.param(b"CONNECT x:443 HTTP/1.1\r\n\r\n", b"400", id="a tunnel"),
    ],
)
def test_a_bad_head_gets_a_problem_and_the_connection_is_closed(
    request_bytes: bytes, status: bytes
) -> None:
    async def test(server: Server) -> None:
        head, _, body = (await server.answer(request_bytes)).partition(END)
        assert head.split()[1] == status
        assert b"application/problem+json" in head
        assert b'"status":' + status in body

    run(test)


def test_a_head_within_the_limit_is_taken() -> None:
    async def test(server: Server) -> None:
        assert (await server.answer(post(CLOSE, b"x: " + b"y" * 60_000))).endswith(b"POST:hello")

    run(test)


def test_what_follows_a_chunked_body_is_bounded() -> None:
    async def test(server: Server) -> None:
        head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: "
        reader, writer = await server.connect()
        writer.write(head + b"y" * 800_000)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 20) == b""

    run(test)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0, x"])
@pytest.mark.parametrize("split", [False, True])
def test_an_upgrade_is_ignored(protocol: bytes, split: bool) -> None:
    async def test(server: Server) -> None:
        reader, writer = await server.connect()
        upgrade = post(b"connection: Upgrade, HTTP2-Settings", b"upgrade: " + protocol)
        half = len(upgrade) - (2 if split else 0)
        writer.write(upgrade[:half])
        await asyncio.sleep(0.05 if split else 0)
        writer.write(upgrade[half:] + post(CLOSE, body=b"again"))
        answers = await asyncio.wait_for(reader.read(), 20)
        assert answers.count(b"HTTP/1.1 200") == 2
        assert b"POST:hello" in answers
        assert answers.endswith(b"POST:again")

    run(test)


@pytest.mark.parametrize(
    "beginning", [b"", b"GET / HTTP/1.1\r\nhos", b"\r\n", post() + b"GET / HT", post() + b"\r\n"]
)
def test_a_head_that_does_not_come_is_given_up(beginning: bytes) -> None:
    async def test(server: Server) -> None:
        reader, writer = await server.connect()

        async def drip() -> None:
            writer.write(beginning)
            while beginning and server.server_state.connections:
                await asyncio.sleep(0.05)
                writer.write(b"\r\n" if beginning.endswith(b"\n") else b"x")

        with suppress(ConnectionError):
            await asyncio.gather(asyncio.wait_for(reader.read(), 5), drip())
        assert not server.server_state.connections

    run(test, patience=Patience(head_s=0.2, waiting_s=10))


def test_the_longest_waiting_connection_makes_room() -> None:
    async def test(server: Server) -> None:
        idle = [await server.connect() for _ in range(3)]
        assert (await server.answer(post(CLOSE))).endswith(b"POST:hello")
        assert await asyncio.wait_for(idle[0][0].read(), 5) == b""
        idle[2][1].write(post(CLOSE))
        assert (await idle[2][0].read()).endswith(b"POST:hello")

    run(test, most=3, patience=Patience(head_s=30, waiting_s=0))


def test_probes_come_in_although_others_send_half_of_a_head() -> None:
    async def test(server: Server) -> None:
        for _ in range(50):
            _, writer = await server.connect()
            writer.write(b"GET /healthz HTTP/1.1\r\nhos")
        assert (await server.answer(post(CLOSE))).endswith(b"POST:hello")

    run(test, most=5, patience=WITH_PROBES)


def test_a_connection_that_is_as_new_waits_until_there_is_room() -> None:
    async def test(server: Server) -> None:
        within = [await server.connect() for _ in range(3)]
        coming = asyncio.create_task(server.answer(post(CLOSE)))
        for reader, writer in within:
            assert not coming.done()
            writer.write(post(CLOSE))
            assert (await reader.read()).endswith(b"POST:hello")
        assert (await coming).endswith(b"POST:hello")

    run(test, most=3)


def test_it_is_told_whether_somebody_waits_to_come_in() -> None:
    async def test(server: Server) -> None:
        reader, writer = await server.connect()
        writer.write(post())
        await reader.readuntil(b"POST:hello")
        assert not server.somebody_waits
        coming = asyncio.create_task(server.answer(post(CLOSE)))
        while not server.somebody_waits:  # noqa: ASYNC110 - the test is that this ends
            await asyncio.sleep(0.01)
        assert not coming.done()
        writer.close()
        assert (await coming).endswith(b"POST:hello")
        assert not server.somebody_waits

    run(test, most=1)


@pytest.mark.parametrize("size", [0, 5, 100_000], ids=["no body", "small", "large"])
def test_the_application_is_told_when_the_client_leaves(size: int) -> None:
    async def test(server: Server) -> None:
        _, writer = await server.connect()
        head, end, body = post(path=b"/wait", body=bytes(size)).partition(END)
        writer.write(head + end)
        async with asyncio.timeout(5):
            while not server.server_state.tasks:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
            writer.write(body)
            await asyncio.sleep(0.05)
            assert server.server_state.tasks
            writer.close()
            while server.server_state.tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    run(test)


def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READING_S", 0.2)

    async def test(server: Server) -> None:
        reader, writer = await server.connect()
        writer.transport.pause_reading()
        writer.write(post(path=b"/large"))
        async with asyncio.timeout(5):
            while not server.server_state.connections:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
            while server.server_state.connections or server.server_state.tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not reader.at_eof()

    run(test)
