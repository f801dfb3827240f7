"""The main job, end to end: start the service, score the examples over HTTP, explain the rewards.

Every step is a `verifier` command that works just as well without this script.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console

EXAMPLES: Final = Path(__file__).parent
COMPLETIONS: Final = EXAMPLES / "completions.jsonl"
EXPLAINED: Final = ("hermes", "string-for-array", "order-placed-twice")
"""One example of each tier: full, partial, none."""
VERIFIER: Final = [str(Path(sys.executable).with_name("verifier"))]
START_S: Final = 60

console = Console()


def main() -> int:
    rows = [json.loads(line) for line in COMPLETIONS.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as url:
        verdicts_file = Path(folder) / "verdicts.jsonl"
        score = ["score", COMPLETIONS, "--url", url, "--summary", "--output", verdicts_file]
        if run(*score) != 0:
            return 1
        verdicts = [json.loads(line) for line in verdicts_file.read_text("utf-8").splitlines()]
        pairs = zip(rows, verdicts, strict=True)
        wrong = [row["id"] for row, verdict in pairs if not right(row, verdict)]
        for name in EXPLAINED:
            explain(next(row for row in rows if row["id"] == name), url)
    console.print(f"{len(rows) - len(wrong)} of {len(rows)} rewards are what the examples demand.")
    if wrong:
        console.print(f"Not as demanded: {', '.join(wrong)}", style="red")
    return 1 if wrong else 0


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """A service of its own on a free port; its URL."""
    port_file = folder / "port"
    command = ["serve", "--port", "0", "--port-file", str(port_file), "--log-level", "warning"]
    show(command)
    process = subprocess.Popen([*VERIFIER, *command])
    try:
        yield f"http://127.0.0.1:{wait_for_port(process, port_file)}"
    finally:
        process.terminate()
        process.wait()


def wait_for_port(process: subprocess.Popen[bytes], port_file: Path) -> str:
    for _ in range(START_S * 10):
        if port_file.exists() and (port := port_file.read_text().strip()):
            return port
        if process.poll() is not None:
            sys.exit(f"the service stopped with exit code {process.returncode}")
        time.sleep(0.1)
    process.kill()
    sys.exit(f"the service was not ready within {START_S} s")


def run(*arguments: Path | str) -> int:
    command = [str(argument) for argument in arguments]
    show(command)
    return subprocess.run([*VERIFIER, *command], check=False).returncode


def show(command: list[str]) -> None:
    text = shlex.join(["verifier", *command])
    shown = text if len(text) < 400 else f"{text[:400]}…"
    console.print(f"\n$ {shown}", style="bold cyan", highlight=False, markup=False)


def explain(row: dict[str, Any], url: str) -> None:
    run(
        "explain", "--url", url, "--toolset", row["toolset"],
        "--ground-truth", json.dumps(row["ground_truth"]), "--completion", row["completion"],
    )  # fmt: skip


def right(row: dict[str, Any], verdict: dict[str, Any]) -> bool:
    outcome = row.get("outcome", "scored")
    reward = row["rewards"]["tiered"] if outcome == "scored" else None
    return bool(verdict["outcome"] == outcome and verdict["reward"] == reward)


if __name__ == "__main__":
    sys.exit(main())
