"""docs/toolsets.md says what is true."""

import re
from pathlib import Path

import pytest

from sandbox_tools import ToolsetError, load

PAGE = (Path(__file__).parents[2] / "docs" / "toolsets.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLES = re.findall(
    r"^(?:Try it|[^\n]* A task on this file):\n\n```python\n(.*?)^```$",
    PAGE,
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_the_page_shows_a_toolset_of_each_kind() -> None:
    assert list(FILES) == ["library.py", "parcels.yaml"]
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str) -> None:
    exec(compile(example, "docs/toolsets.md", "exec"), {})


def test_the_error_shown_is_the_error_given() -> None:
    text = FILES["parcels.yaml"].replace("when: {parcel_id: P1}", "when: {}", 1)
    Path("parcels.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ToolsetError) as caught:
        load("parcels.yaml")
    assert str(caught.value) in PAGE


@pytest.mark.parametrize("word", ["no", "2025-01-03", "12:30", "007"])
def test_plain_scalars_are_strings_as_promised(word: str) -> None:
    text = FILES["parcels.yaml"].replace("place: Lyon", f"place: {word}")
    Path("parcels.yaml").write_text(text, encoding="utf-8")
    sandbox = load("parcels.yaml").sandbox()
    assert sandbox.run("track_parcel", {"parcel_id": "P1"}).value["place"] == word
