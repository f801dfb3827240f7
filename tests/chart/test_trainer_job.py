"""The trainer's Job: its command, and how its machines meet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import CHART, environment, release
from tests.chart.value_sets import VALUE_SETS, merged

ROOT = Path(__file__).parents[2]
GPU = "nvidia.com/gpu"


def command(name: str) -> list[str]:
    (container,) = release(VALUE_SETS[name]).component("trainer").spec["containers"]
    written: list[str] = container["command"]
    return written


def test_one_process_is_the_trainer_itself_so_that_its_exit_codes_arrive() -> None:
    assert command("trainer-preset")[:3] == ["trainer", "grpo", "qwen3-1.7b-lora"]


@pytest.mark.parametrize("name", ["trainer-machines", "trainer-jobset"])
def test_several_processes_are_joined_by_torchrun(name: str) -> None:
    assert command(name)[:6] == ["python", "-m", "torch.distributed.run", "-m", "trainer", "grpo"]


def test_overrides_are_options() -> None:
    options = command("trainer-preset")[3:]
    pairs = dict(zip(options[::2], options[1::2], strict=True))
    assert pairs == {
        "--verifier_url": "http://r-verifier-service:8080",
        "--resume": "true",
        "--verifier_wait_s": "600",
        "--learning_rate": "2.0e-06",
        "--max_steps": "200",
        "--run_name": "first",
        "--use_vllm": "true",
    }


def test_a_warm_start_asks_no_service() -> None:
    assert command("trainer-sft") == ["trainer", "sft", "tiny"]


@pytest.mark.parametrize(("name", "nodes"), [("trainer-machines", "4"), ("trainer-jobset", "2")])
def test_machines_meet_at_the_first_ones_host_name(name: str, nodes: str) -> None:
    made = release(VALUE_SETS[name])
    (job,) = made.jobs
    pods = made.component("trainer")
    variables = environment(pods.spec["containers"][0])
    service = next(
        each for each in made.of("Service") if made.selected(each["spec"]["selector"]) == [pods]
    )
    host = f"{job['metadata']['name']}-0.{pods.spec['subdomain']}"
    assert service["metadata"]["name"] == pods.spec["subdomain"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert (variables["PET_MASTER_ADDR"], variables["PET_NNODES"]) == (host, nodes)
    assert int(variables["PET_MASTER_PORT"]) in pods.ports.values()
    assert "job-completion-index" in variables["PET_NODE_RANK"]["fieldRef"]["fieldPath"]


@pytest.mark.parametrize("engine", ["Job", "JobSet"])
def test_processes_of_one_machine_meet_there(engine: str) -> None:
    """Without a headless Service no other name of the machine can be resolved."""
    trainer = {"engine": engine, "processesPerNode": 8, "resources": {"limits": {GPU: 8}}}
    made = release(merged(VALUE_SETS["trainer-preset"], {"trainer": trainer}))
    variables = environment(made.component("trainer").spec["containers"][0])
    assert (variables["PET_NNODES"], variables["PET_NPROC_PER_NODE"]) == ("1", "8")
    assert variables["PET_MASTER_ADDR"] == "localhost"
    assert [each for each in made.of("Service") if "trainer" in each["metadata"]["name"]] == []


def test_the_configuration_is_where_the_command_looks() -> None:
    made = release(VALUE_SETS["trainer-machines"])
    (container,) = made.component("trainer").spec["containers"]
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == "config")
    (written,) = (each["data"] for each in made.of("ConfigMap"))
    assert f"{mount['mountPath']}/{next(iter(written))}" in container["command"]


def test_a_configuration_is_read_as_it_was_written() -> None:
    config = {
        "learning_rate": 5e-6,
        "warmup_ratio": 0.05,
        "max_steps": 100,
        "beta": 0.0,
        "seed": 20_251_120,
        "use_vllm": True,
        "run_name": "1e-3",
        "lora_target_modules": ["q_proj", "v_proj"],
        "lr_scheduler_kwargs": {"min_lr": 1e-7, "steps": [1e-8, 10_000_000]},
        "chat_template_kwargs": {"enable_thinking": False, "note": "a: {b}, [c] # d"},
        "resume_from_checkpoint": None,
    }
    values = merged(VALUE_SETS["trainer-machines"], {"trainer": {"config": config}})
    (written,) = (each["data"]["grpo.yaml"] for each in release(values).of("ConfigMap"))
    read = yaml.safe_load(written)
    assert {key: read[key] for key in config} == config


def test_accelerate_takes_the_place_of_torchrun() -> None:
    values = {"trainer": {"accelerate": "fsdp2"}}
    made = release(merged(VALUE_SETS["trainer-machines"], values))
    (container,) = made.component("trainer").spec["containers"]
    (job,) = made.named("Job")
    launcher, _, run = " ".join(container["command"]).partition(" -m trainer ")
    assert launcher == (
        "accelerate launch --config_file /opt/trainer/configs/accelerate/fsdp2.yaml"
        " --num_machines 4 --num_processes 32 --machine_rank $(PET_NODE_RANK)"
        f" --main_process_ip {job}-0.{job} --main_process_port 29500"
    )
    assert run.startswith("grpo /etc/trainer/grpo.yaml --verifier_url")


def test_each_shipped_configuration_of_accelerate_is_in_the_image() -> None:
    shipped = {file.stem for file in (ROOT / "trainer" / "configs" / "accelerate").iterdir()}
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    named, _path = schema["properties"]["trainer"]["properties"]["accelerate"]["anyOf"]
    assert set(named["enum"]) == shipped | {""}
    assert '/configs" /opt/trainer/configs' in (ROOT / "Dockerfile.trainer").read_text("utf-8")


def test_accelerate_may_have_a_configuration_of_its_own() -> None:
    values = {"trainer": {"accelerate": "/workspace/mine.yaml"}}
    (container,) = (
        release(merged(VALUE_SETS["trainer-preset"], values))
        .component("trainer")
        .spec["containers"]
    )
    assert container["command"][:4] == [
        "accelerate",
        "launch",
        "--config_file",
        "/workspace/mine.yaml",
    ]


@pytest.mark.parametrize("name", ["trainer-machines", "trainer-sharded"])
def test_processes_may_write_a_checkpoint_for_almost_as_long_as_the_pod_has(name: str) -> None:
    values = merged(VALUE_SETS[name], {"trainer": {"terminationGracePeriodSeconds": 600}})
    pods = release(values).component("trainer")
    patience = environment(pods.spec["containers"][0])["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"]
    assert 0 < pods.spec["terminationGracePeriodSeconds"] - int(patience) <= 30


@pytest.mark.parametrize("name", ["HOME", "HF_HOME"])
def test_caches_may_be_elsewhere(name: str) -> None:
    given = {"name": name, "value": "/cache"}
    values = merged(VALUE_SETS["trainer-sft"], {"trainer": {"extraEnv": [given]}})
    (container,) = release(values).component("trainer").spec["containers"]
    assert [each for each in container["env"] if each["name"] == name] == [given]


def test_wrong_data_is_not_tried_again() -> None:
    (job,) = release(VALUE_SETS["trainer-preset"]).jobs
    (rule,) = (
        each for each in job["spec"]["podFailurePolicy"]["rules"] if each["action"] == "FailJob"
    )
    assert rule["onExitCodes"]["values"] == [2]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_machines_of_a_job_set_begin_again_together() -> None:
    made = release(VALUE_SETS["trainer-jobset"])
    (job,) = made.jobs
    assert job["spec"]["backoffLimit"] == 0
    assert "podFailurePolicy" not in job["spec"]
    assert made.the("JobSet")["spec"]["failurePolicy"] == {"maxRestarts": 6}


def test_a_workspace_outlives_the_release() -> None:
    kept = {"helm.sh/resource-policy": "keep"}
    claim = release(VALUE_SETS["trainer-machines"]).the("PersistentVolumeClaim")
    assert claim["metadata"]["annotations"] == kept
    marked = release(VALUE_SETS["trainer-sharded"]).the("PersistentVolumeClaim")
    assert kept.items() < marked["metadata"]["annotations"].items()
