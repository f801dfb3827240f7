"""Who may call."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from fake_runner import Connect

from verifier_service.auth import Keys, StartRefused, open_keys
from verifier_service.settings import Settings


def basic(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


ACCEPTED = {
    "bearer": b"Bearer one",
    "another key": b"Bearer two",
    "the scheme in small letters": b"bearer one",
    "basic": basic("anybody", "one"),
    "basic without a user": basic("", "two"),
}
REFUSED = {
    "nothing": None,
    "an empty header": b"",
    "a wrong key": b"Bearer three",
    "a prefix of a key": b"Bearer on",
    "a longer key": b"Bearer one1",
    "no key": b"Bearer ",
    "another scheme": b"Digest one",
    "the bare key": b"one",
    "the key as user": basic("one", ""),
    "basic that is no base64": b"Basic ???",
    "bytes beyond ASCII": b"Bearer \xff\xfe",
}


@pytest.mark.parametrize("header", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_valid_credentials_are_accepted(header: bytes) -> None:
    assert Keys(["one", "two"]).accept(header)


@pytest.mark.parametrize("header", REFUSED.values(), ids=REFUSED.keys())
def test_other_credentials_are_refused(header: bytes | None) -> None:
    assert not Keys(["one", "two"]).accept(header)


def test_a_key_may_hold_a_colon_and_letters_beyond_ascii() -> None:
    keys = Keys(["a:b:ü"])
    assert keys.accept(basic("user", "a:b:ü"))
    assert keys.accept("Bearer a:b:ü".encode())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_keys_of_a_file_rotate_without_a_restart(tmp_path: Path) -> None:
    file, clock = tmp_path / "keys", Clock()
    file.write_text("# both until Friday\nold\n\n  new  \n")
    keys = Keys(file=file, clock=clock)
    assert keys.accept(b"Bearer old")
    assert keys.accept(b"Bearer new")
    file.write_text("new\n")
    clock.now += 2
    assert not keys.accept(b"Bearer old")
    assert keys.accept(b"Bearer new")


def test_a_file_may_come_from_an_editor_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b"\xef\xbb\xbffirst\r\nsecond\r\n")
    keys = Keys(file=file)
    assert keys.accept(b"Bearer first")
    assert keys.accept(b"Bearer second")


def test_an_emptied_file_accepts_nobody(tmp_path: Path) -> None:
    file, clock = tmp_path / "keys", Clock()
    file.write_text("old\n")
    keys = Keys(file=file, clock=clock)
    file.write_text("# none\n")
    clock.now += 2
    assert not keys.accept(b"Bearer old")


def test_the_last_keys_hold_while_the_file_is_gone(tmp_path: Path) -> None:
    file, clock = tmp_path / "keys", Clock()
    file.write_text("old\n")
    keys = Keys(file=file, clock=clock)
    file.unlink()
    clock.now += 2
    assert keys.accept(b"Bearer old")


def test_loopback_needs_no_key() -> None:
    assert open_keys(Settings()) is None


def test_other_addresses_need_a_key() -> None:
    with pytest.raises(StartRefused, match="VERIFIER_API_KEYS_FILE"):
        open_keys(Settings(host="0.0.0.0"))


def test_insecure_allows_other_addresses() -> None:
    assert open_keys(Settings(host="0.0.0.0", insecure=True)) is None


def test_insecure_does_not_switch_configured_keys_off() -> None:
    keys = open_keys(Settings(api_keys="one, two", insecure=True))
    assert keys is not None
    assert len(keys) == 2


@pytest.mark.parametrize("content", [None, "", "# only a comment\n", "\n\n"])
def test_a_file_without_a_key_refuses_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StartRefused, match=os.fspath(file)):
        open_keys(Settings(api_keys_file=file))


@pytest.mark.parametrize(
    ("folder", "exposed"), [("etc", True), ("etc/toolsets", False), ("et", False)]
)
@pytest.mark.parametrize("loaded", ["toolsets", "profiles"])
def test_keys_that_scoring_processes_may_read_are_told(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    loaded: str,
    folder: str,
    exposed: bool,
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "keys").write_text("first\n")
    monkeypatch.chdir(tmp_path)
    paths: dict[str, Any] = {loaded: (tmp_path / folder,)}
    open_keys(Settings(api_keys_file=Path("etc/keys"), **paths))
    assert ("keys_exposed" in caplog.messages) is exposed


def test_an_empty_list_of_keys_refuses_the_start() -> None:
    with pytest.raises(StartRefused, match="VERIFIER_API_KEYS"):
        open_keys(Settings(api_keys=" , "))


@pytest.mark.parametrize("path", ["/toolsets", "/metrics", "/docs", "/openapi.json", "/nowhere"])
async def test_everything_but_health_needs_the_key(connect: Connect, path: str) -> None:
    async with connect(Keys(["one"])) as client:
        answer = await client.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_no_key(connect: Connect, path: str) -> None:
    async with connect(Keys(["one"])) as client:
        assert (await client.get(path)).status_code == 200


async def test_the_key_opens_the_rest(connect: Connect) -> None:
    async with connect(Keys(["one"])) as client:
        assert (await client.get("/toolsets", auth=("any", "one"))).status_code == 200
