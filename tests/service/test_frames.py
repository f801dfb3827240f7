"""Frames arrive whole however they are cut, and garbage is refused."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier_service import frames
from verifier_service.frames import MAX_BODY_BYTES, BadFrame, Decoder, Frame, Kind
from verifier_service.jobs import Fate, Job, Reply, Task

FRAMES = st.lists(
    st.builds(
        Frame,
        st.sampled_from(Kind),
        st.dictionaries(st.text(), st.integers(0, 9) | st.text()),
        st.binary(),
    )
)


def stream_of(frame: Frame) -> bytes:
    return b"".join(frames.encoded(frame.kind, frame.head, frame.body))


@given(FRAMES, st.integers(1, 64))
def test_frames_survive_any_cut(sent: list[Frame], size: int) -> None:
    stream = b"".join(map(stream_of, sent))
    decoder = Decoder()
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [frame for chunk in chunks for frame in decoder.feed(chunk)] == sent


@given(st.binary())
def test_garbage_is_refused_or_not_yet_a_frame(garbage: bytes) -> None:
    try:
        for frame in Decoder().feed(garbage):
            frames.reply_of(frame)
    except BadFrame:
        pass


def test_a_frame_beyond_the_limit_is_refused_before_it_arrives() -> None:
    [prefix, _] = frames.encoded(Kind.REPLY, {}, b"x")
    too_long = prefix[:-8] + (MAX_BODY_BYTES + 1).to_bytes(8, "little")
    with pytest.raises(BadFrame):
        list(Decoder().feed(too_long))


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(Job(Task.PARSE, b""), id="nothing"),
        pytest.param(
            Job(Task.SCORE, b"body", (b"", b"first", b"second"), {3: Fate.DIED}, 1.5, 0.5), id="all"
        ),
    ],
)
def test_a_job_arrives_as_it_was(job: Job) -> None:
    [frame] = Decoder().feed(b"".join(frames.encoded_job(job)))
    assert frames.job_of(frame) == job


def test_a_waiting_side_gets_the_frame_and_then_the_end() -> None:
    near, far = socket.socketpair()
    with far:
        with near:
            frames.send_reply(near, Reply(422, b"why", "application/problem+json", {"n": 1}))
        frame = frames.receive(far)
        assert frame is not None
        assert frames.reply_of(frame).media_type == "application/problem+json"
        assert frames.receive(far) is None


def test_a_frame_that_breaks_off_is_the_end() -> None:
    near, far = socket.socketpair()
    with far:
        with near:
            near.sendall(frames.encoded(Kind.REPLY, {"status": 200}, b"body")[0])
        assert frames.receive(far) is None


@pytest.mark.parametrize(
    "head",
    [
        pytest.param({"status": "200", "media_type": "text/plain", "counts": {}}, id="status text"),
        pytest.param({"status": True, "media_type": "text/plain", "counts": {}}, id="status true"),
        pytest.param({"status": 99, "media_type": "text/plain", "counts": {}}, id="status 99"),
        pytest.param({"status": 200, "media_type": "a\r\nb: c", "counts": {}}, id="header split"),
        pytest.param({"status": 200, "media_type": None, "counts": {}}, id="no media type"),
        pytest.param({"status": 200, "media_type": "text/plain", "counts": []}, id="counts list"),
        pytest.param({}, id="nothing"),
    ],
)
def test_a_reply_that_http_could_not_carry_is_refused(head: dict[str, object]) -> None:
    with pytest.raises(BadFrame):
        frames.reply_of(Frame(Kind.REPLY, head, b""))
