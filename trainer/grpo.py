"""`trainer grpo`: from a resolved configuration to a trained model."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers.trainer_callback import PrinterCallback

from trainer import checkpoints, preflight
from trainer.configuration import Rollouts, VerifierArguments, api_key, request_fields
from trainer.data import load
from trainer.errors import TrainerError, TrainingStopped
from trainer.grpo_trainer import VerifiedGRPOTrainer
from trainer.loading import adapter, load_tokenizer
from trainer.plan import Plan, plan
from trainer.progress import ProgressBar
from trainer.rewards import Verifier
from trainer.tracking import Samples, tracked
from verifier_service.cli.console import literal, stderr
from verifier_service.client import AsyncVerifierClient

LONGEST_RUN = 256
"""Characters that the service takes in the name of a run."""
SHOWN = {"reward": "reward", "reward_std": "±", "entropy": "entropy", "grad_norm": "grad"}


def train(rollouts: Rollouts) -> Path:
    """Run GRPO to its end; the folder of the trained model.

    Raises:
        TrainingStopped: It ended early, with a checkpoint from which it can be resumed.
        TrainerError: It could not start.
    """
    ours, grpo = rollouts.ours, rollouts.grpo
    checkpoint = checkpoints.to_start_from(grpo.output_dir, resume=ours.resume)
    rows = load(ours.dataset)
    sums = plan(grpo, len(rows))
    if grpo.process_index == 0:
        _say_from_where(ours, grpo.output_dir, checkpoint)
    preflight.check_service(ours, rows, main_process=grpo.process_index == 0)
    trainer = _trainer(rollouts, rows, sums)
    bar = ProgressBar("GRPO", SHOWN)
    for callback in (
        preflight.FirstCompletion(trainer.first_completion, ours, rows[0]),
        Samples(trainer.take_samples),
        bar,
    ):
        trainer.add_callback(callback)
    with tracked(grpo, ours), _stopping_on_sigterm(trainer):
        try:
            trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
        except TrainingStopped as stopped:
            bar.close()
            saved = trainer.save_where_it_stopped()
            raise TrainingStopped(
                f"{stopped}. Nothing is lost: {saved} holds the last whole step, and the same "
                "command with --resume true goes on from there"
            ) from None
        finally:
            bar.close()
            trainer.close()
    trainer.save_model(grpo.output_dir)
    trainer.save_state()
    return Path(grpo.output_dir)


@contextmanager
def _stopping_on_sigterm(trainer: VerifiedGRPOTrainer) -> Iterator[None]:
    """A cluster that takes the machine away says so: the run stops as it does in an outage."""
    reason = "asked to stop by SIGTERM"
    before = signal.signal(signal.SIGTERM, lambda *_: trainer.ask_to_stop(reason))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _trainer(
    rollouts: Rollouts, rows: Sequence[Mapping[str, Any]], sums: Plan
) -> VerifiedGRPOTrainer:
    ours, grpo, model = rollouts.ours, rollouts.grpo, rollouts.model
    tokenizer = load_tokenizer(model.model_name_or_path, padding_side="left")
    grpo.disable_tqdm = True  # the bar is ours
    grpo.model_init_kwargs = {
        "revision": model.model_revision,
        "attn_implementation": model.attn_implementation,
        "dtype": model.dtype,
        **(grpo.model_init_kwargs or {}),
    }
    try:
        trainer = VerifiedGRPOTrainer(
            verifier=Verifier(_connect(ours), tokenizer, _fields(rollouts)),
            steps_an_epoch=sums.steps_an_epoch,
            max_unscored=ours.max_unscored,
            sample_completions=ours.sample_completions,
            model=model.model_name_or_path,
            args=grpo,
            train_dataset=Dataset.from_list(list(rows), on_mixed_types="use_json"),
            processing_class=tokenizer,
            peft_config=adapter(model),
        )
    except (ValueError, OSError) as error:  # TRL's and PEFT's words on a configuration
        raise TrainerError(str(error)) from error
    trainer.remove_callback(PrinterCallback)
    return trainer


def _fields(rollouts: Rollouts) -> dict[str, Any]:
    """Members of every request; the run is named so that the service can count its rewards."""
    name = rollouts.grpo.run_name or Path(rollouts.grpo.output_dir).name
    return {**request_fields(rollouts.ours), "run": name[:LONGEST_RUN] or None}


def _say_from_where(ours: VerifierArguments, output_dir: str, checkpoint: Path | None) -> None:
    """A run that resumes can begin anew without meaning to: in a folder of another name."""
    if ours.resume:
        news = f"going on from {checkpoint}" if checkpoint else f"{output_dir} holds no checkpoint"
        begins = "" if checkpoint else ": the run begins with its first step"
        stderr().print(literal(news + begins), soft_wrap=True)


def _connect(ours: VerifierArguments) -> Callable[[], AsyncVerifierClient]:
    key = api_key()
    return lambda: AsyncVerifierClient(
        ours.verifier_url, api_key=key, retry_budget_s=ours.verifier_outage_s
    )
