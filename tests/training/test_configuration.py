"""What a run is told, and what it says it comes to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate import DistributedType
from accelerate.commands.config.config_args import load_config_from_file
from typer.testing import CliRunner

from tests.training.runs import CPU, Ground
from trainer import configuration
from trainer.cli import app
from trainer.errors import TrainerError
from trainer.plan import plan

PRESETS = ["qwen2.5-7b", "qwen3-1.7b-lora", "tiny"]
ON_CPU = ["--use_cpu", "true"]
LEAST = {"model_name_or_path": "model", "dataset": "rows.jsonl", **CPU}


def trainer(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "200"})


def written(folder: Path, **values: Any) -> Path:
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump({**LEAST, "output_dir": str(folder / "run"), **values}))
    return file


def test_these_are_the_presets() -> None:
    assert configuration.presets() == PRESETS


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_whole_configuration(preset: str) -> None:
    run = configuration.rollouts(preset, ON_CPU)
    start = configuration.warm_start(preset, ON_CPU)
    assert run.ours.dataset == start.ours.dataset
    assert run.grpo.report_to == ["mlflow"]


@pytest.mark.parametrize("file", ["tiny/sft", "tiny/flawed"])
def test_each_file_of_a_preset_has_a_name(file: str) -> None:
    assert configuration.warm_start(file, ON_CPU).sft.ddp_find_unused_parameters is False


def test_the_large_preset_is_what_it_says() -> None:
    run = configuration.rollouts("qwen2.5-7b", ON_CPU)
    assert (run.grpo.learning_rate, run.grpo.num_train_epochs) == (5e-6, 3)
    sums = plan(configuration.rollouts("qwen2.5-7b", ON_CPU, configuration.elsewhere(8)).grpo, 1500)
    assert (sums.prompts, sums.completions // sums.prompts) == (128, 8)


def test_the_adapter_preset_is_what_it_says() -> None:
    run = configuration.rollouts("qwen3-1.7b-lora", ON_CPU)
    model = run.model
    assert (model.use_peft, model.lora_r, model.lora_alpha, model.lora_dropout) == (
        True,
        16,
        32,
        0.05,
    )
    assert len(model.lora_target_modules) == 7
    assert (run.grpo.num_generations, run.grpo.temperature) == (4, 0.8)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_dry_run_says_what_a_preset_comes_to(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = trainer("grpo", preset, "--dry-run", "--processes", 2)
    assert result.exit_code == 0, result.output
    for label in ("world size", "steps", "completions a step", "requests to the service a step"):
        assert label in result.stdout
    assert "learning_rate" in result.stdout
    assert not list(tmp_path.iterdir())


def test_a_dry_run_counts_the_rows_that_are_there(ground: Ground, tmp_path: Path) -> None:
    config = ground.config(tmp_path / "run", max_steps=-1, num_train_epochs=3)
    shown = trainer("grpo", config, "--dry-run").stdout
    rows = {
        line.split("│")[1].strip(): line.split("│")[2].strip() for line in shown.split("\n")[2:9]
    }
    assert rows["prompts in the dataset"] == "12"
    assert rows["steps"] == "9"
    assert rows["completions a step"] == "16"
    assert rows["requests to the service a step"] == "1"


def test_a_dry_run_shows_no_password(ground: Ground, tmp_path: Path) -> None:
    config = ground.config(
        tmp_path / "run",
        verifier_url="http://me:secret@host",
        tracking_uri="postgresql://me:secret@host/db",
    )
    assert "secret" not in trainer("grpo", config, "--dry-run").output


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"learning_rat": 1e-6}, "--learning_rat", id="unknown"),
        pytest.param({"max_steps": "many"}, "max_steps", id="text for a number"),
        pytest.param({"max_steps": 1.5}, "max_steps", id="fraction for a whole number"),
        pytest.param({"max_steps": [1, 2]}, "max_steps", id="list for a number"),
        pytest.param({"learning_rate": None}, "learning_rate", id="null for a number"),
        pytest.param({"resume": "perhaps"}, "resume", id="text for a truth value"),
        pytest.param({"max_unscored": 10}, "max_unscored", id="percents for a share"),
        pytest.param({"verifier_outage_s": -1}, "verifier_outage_s", id="negative seconds"),
        pytest.param({"verifier_url": "host:80"}, "verifier_url", id="no address"),
        pytest.param({"dataset": ""}, "dataset", id="no dataset"),
        pytest.param({"model_name_or_path": None}, "model_name_or_path", id="no model"),
        pytest.param({"num_generations": 3}, "num_generations", id="what TRL refuses"),
        pytest.param({"dataset": "nowhere.jsonl"}, "nowhere.jsonl", id="no such dataset"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(
    tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    result = trainer("grpo", written(tmp_path, **values))
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.startswith("error:")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("a: [", "is not YAML", id="no YAML"),
        pytest.param("- a", "mapping", id="no mapping"),
        pytest.param(b"\xff\xfe", "run.yaml", id="no text"),
    ],
)
def test_a_file_that_is_no_configuration_is_one_sentence(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = trainer("grpo", file)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert said in result.stderr


@pytest.mark.parametrize("command", ["sft", "grpo"])
def test_a_file_that_is_not_there_names_the_presets(command: str) -> None:
    result = trainer(command, "tinny")
    assert result.exit_code == 2
    assert "tinny" in result.stderr
    assert "qwen2.5-7b, qwen3-1.7b-lora, tiny" in result.stderr


@pytest.mark.parametrize(
    "values", [{}, {"from_nothing": True, "model_name_or_path": "model"}], ids=["none", "both"]
)
def test_a_warm_start_has_one_beginning(tmp_path: Path, values: dict[str, Any]) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({"dataset": "rows.jsonl", **CPU, **values}))
    with pytest.raises(TrainerError, match="either model_name_or_path or from_nothing"):
        configuration.warm_start(str(file))


def test_a_key_that_no_header_can_carry_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_API_KEY", "two words")
    result = trainer("grpo", written(tmp_path))
    assert result.exit_code == 2
    assert "VERIFIER_API_KEY" in result.stderr
    assert "two words" not in result.stderr


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    run = configuration.rollouts(str(written(tmp_path, max_steps=7)), ["--max_steps", "3"])
    assert run.grpo.max_steps == 3


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero3"])
def test_accelerate_reads_its_configurations(name: str) -> None:
    file = configuration.PRESETS / "accelerate" / f"{name}.yaml"
    config = load_config_from_file(str(file))
    assert config.num_processes == 8


def test_a_preset_advises_a_launch_that_needs_no_further_package() -> None:
    """DeepSpeed is in no extra."""
    for file in configuration.PRESETS.glob("*/*.yaml"):
        for advised in re.findall(r"--config_file trainer/configs/(\S+)", file.read_text("utf-8")):
            config = load_config_from_file(str(configuration.PRESETS / advised))
            assert config.distributed_type != DistributedType.DEEPSPEED, file


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        pytest.param(12, {}, id="one generation a step"),
        pytest.param(13, {"num_train_epochs": 2}, id="rows left over"),
        pytest.param(12, {"num_iterations": 2}, id="two steps a generation"),
        pytest.param(
            12,
            {"gradient_accumulation_steps": 4, "per_device_train_batch_size": 4},
            id="accumulation",
        ),
        pytest.param(
            12,
            {
                "gradient_accumulation_steps": 4,
                "steps_per_generation": 2,
                "per_device_train_batch_size": 8,
            },
            id="two generations a step, one left over",
        ),
    ],
)
def test_the_plan_is_what_the_trainer_does(
    ground: Ground, tmp_path: Path, rows: int, options: dict[str, Any]
) -> None:
    lines = (ground.folder / "train.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "rows.jsonl").write_text("".join(lines[:rows]))
    values = {"max_steps": -1, "num_train_epochs": 1, "save_strategy": "no"} | options
    config = ground.config(tmp_path / "run", dataset=str(tmp_path / "rows.jsonl"), **values)
    expected = plan(configuration.rollouts(str(config)).grpo, rows).steps
    ground.grpo(tmp_path / "run", dataset=str(tmp_path / "rows.jsonl"), **values)
    assert json.loads((tmp_path / "run/trainer_state.json").read_text())["global_step"] == expected


@pytest.mark.parametrize(
    ("processes", "size", "said"),
    [
        pytest.param(1, 16, "takes 4 prompts and the dataset has 3", id="too few rows"),
        pytest.param(3, 2, "divisible by num_generations", id="groups that do not fit"),
    ],
)
def test_a_batch_that_cannot_be_made_is_refused(
    tmp_path: Path, processes: int, size: int, said: str
) -> None:
    file = written(tmp_path, per_device_train_batch_size=size, num_generations=4)
    with pytest.raises(TrainerError, match=said):
        plan(configuration.rollouts(str(file), (), configuration.elsewhere(processes)).grpo, 3)


@pytest.mark.parametrize(("processes", "generations"), [(1, 4), (2, 2), (4, 1)])
def test_a_generation_of_a_given_size_is_shared_by_the_processes(
    tmp_path: Path, processes: int, generations: int
) -> None:
    file = written(tmp_path, per_device_train_batch_size=8, generation_batch_size=32)
    there = configuration.elsewhere(processes)
    sums = plan(configuration.rollouts(str(file), (), there).grpo, 64)
    assert (sums.completions, sums.steps_a_generation) == (32, generations)


def test_requests_are_counted_as_the_client_splits_them(tmp_path: Path) -> None:
    file = written(tmp_path, per_device_train_batch_size=520, num_generations=8)
    there = configuration.elsewhere(2)
    assert plan(configuration.rollouts(str(file), (), there).grpo, 1500).requests == 4
