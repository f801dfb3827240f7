"""docs/profiles.md says what is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from verifier_service.engine import EngineConfig
from verifier_service.local import LocalVerifier
from verifier_service.scoring.profiles import read_profile, registered_profiles
from verifier_service.scoring.profiles.load import ENTRY_POINT_GROUP

PAGE = (Path(__file__).parent.parent / "docs" / "profiles.md").read_text("utf-8")
(YAML,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(PYTHON,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^\| `(tiered|graded|additive|toolrl)` \|.*\|(.*)\|$", PAGE, re.MULTILINE)

RIGHT = {"ticker": "AAPL", "date": "2025-01-03"}
CALL = {"name": "get_stock_price", "arguments": RIGHT}


def rewards(verifier: LocalVerifier, profile: str) -> list[float | None]:
    """For a right call, one with a wrong value, one with a wrong type, and a right one twice."""
    arguments: list[dict[str, object]] = [{}, {"ticker": "MSFT"}, {"ticker": 7}]
    calls = [{**CALL, "arguments": RIGHT | wrong} for wrong in arguments]
    completions = [*map(json.dumps, calls), json.dumps([CALL, CALL])]
    item = {"completions": completions, "ground_truth": CALL}
    answer = verifier.score({"toolset": "finance", "profile": profile, "items": [item]})
    return list(answer["rewards"])


def test_the_profile_in_yaml_rewards_as_its_text_says(tmp_path: Path) -> None:
    file = tmp_path / "careful.yaml"
    file.write_text(YAML)
    verifier = LocalVerifier(EngineConfig(profiles=(file,)))
    assert rewards(verifier, "careful") == [1.0, pytest.approx(0.6 * 0.75), 0.06, 0.25]


def test_a_cap_lowers_a_reward() -> None:
    capped = read_profile("name: x\nkind: tiered\ncaps: {schema.type: 0.25}\n", "x")
    verifier = LocalVerifier()
    verifier.engine.profiles["x"] = capped
    assert rewards(verifier, "x") == [1.0, 0.5, 0.25, 0.5]


def test_the_profile_in_python_is_loaded_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_rewards.py").write_text(PYTHON)
    metadata = tmp_path / "my_rewards-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-rewards\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        f"[{ENTRY_POINT_GROUP}]\nhalves = my_rewards:halves\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    profile = registered_profiles()["halves"]
    assert profile.description.startswith("1.0 right, 0.5 if")
    verifier = LocalVerifier()
    assert rewards(verifier, "halves") == [1.0, 0.5, 0.0, 0.5]


@pytest.mark.parametrize(("kind", "cell"), ROWS)
def test_the_weights_on_the_page_are_the_defaults(kind: str, cell: str) -> None:
    weights = {name: float(share) for name, share in re.findall(r"`(\w+)` ([0-9.]+)", cell)}
    settings = read_profile(f"name: x\nkind: {kind}\n", "x").settings
    assert settings.get("weights", {}) == weights
    assert settings.get("partial") == (None if kind == "toolrl" else 0.5)


def test_the_page_lists_every_kind() -> None:
    assert [kind for kind, _ in ROWS] == ["tiered", "graded", "additive", "toolrl"]
