"""What `helm test` runs in the service's image: a right and a wrong call, and what they earn."""

import sys
from pathlib import Path

from verifier_service.client import VerifierClient, VerifierError

CALL = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
RIGHT = '{"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}'
WRONG = '{"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2024-01-03"}}'
ITEM = {
    "completions": [RIGHT, WRONG],
    "ground_truth": {"behavior": "execute", "calls": [CALL]},
}
EXPECTED = [1.0, 0.5]


def first_key(file: Path) -> str | None:
    """The first key of a file of keys, as the service reads it; None where there is no file."""
    if not file.is_file():
        return None
    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return next(line for line in lines if line and not line.startswith("#"))


def main(url: str, keys: str) -> int:
    try:
        with VerifierClient(url, api_key=first_key(Path(keys)), retry_budget_s=60) as client:
            rewards = client.score([ITEM], toolset="finance", profile="tiered").rewards
    except VerifierError as error:
        sys.stderr.write(f"{url} does not score: {error}\n")
        return 1
    if list(rewards) != EXPECTED:
        sys.stderr.write(f"{url} answers {list(rewards)}, not {EXPECTED}\n")
        return 1
    sys.stdout.write(f"{url} scores: {list(rewards)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
