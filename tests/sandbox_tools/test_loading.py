"""Finding toolset files."""

from pathlib import Path

import pytest

from sandbox_tools import ToolsetError, load, load_directory, shipped

MODULE = "from sandbox_tools import tool\n@tool\ndef act() -> None:\n    '''Act.'''\n"
TABLE = """\
name: table
tools:
  - {name: act, description: Act., parameters: {type: object}}
"""


def test_a_directory_gives_all_its_toolsets(tmp_path: Path) -> None:
    for name, text in {
        "b.py": MODULE,
        "a.yaml": TABLE,
        "_draft.py": "1 / 0",
        ".hidden.yaml": "{",
        "notes.txt": "x",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "c").mkdir()
    assert list(load_directory(tmp_path)) == ["table", "b"]


def test_two_toolsets_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TABLE)
    (tmp_path / "table.py").write_text(MODULE)
    with pytest.raises(ToolsetError, match=r"table\.py.*`table` too"):
        load_directory(tmp_path)


def test_a_broken_file_in_a_directory_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: [")
    with pytest.raises(ToolsetError):
        load_directory(tmp_path)


@pytest.mark.parametrize("name", ["a.txt", "a", "missing.py", "missing.yaml"])
def test_what_is_no_toolset_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ToolsetError):
        load(tmp_path / name)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolsetError, match="no such directory"):
        load_directory(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["a.py", "a.yaml"])
def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ToolsetError):
        load(tmp_path / name)


def test_three_toolsets_are_shipped() -> None:
    assert set(shipped()) == {"finance", "assistant", "assistant_heldout"}


def test_shipped_toolsets_cannot_be_lost_by_a_caller() -> None:
    shipped().clear()
    assert shipped()


def test_loading_twice_gives_the_same_digest(tmp_path: Path) -> None:
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "t.py").write_text(MODULE)
    assert load(tmp_path / "x" / "t.py").digest == load(tmp_path / "y" / "t.py").digest
