"""reward-kit: its remote reward function posts to our `/evaluate`."""

from __future__ import annotations

from reward_kit.reward_function import RewardFunction

from tests.trainers.samples import (
    CARRIER_TEXT,
    MESSAGES,
    PROMPT,
    URL,
    passed,
    same_as_the_service,
)


def main() -> None:
    evaluate = RewardFunction(mode="remote", endpoint=f"{URL}/evaluate")
    results = [evaluate([*PROMPT, turn], ground_truth=CARRIER_TEXT) for turn in MESSAGES]
    same_as_the_service((result.score for result in results), MESSAGES)
    for result in results:
        assert result.metrics, "every result has metrics"
        assert all(0.0 <= metric.score <= 1.0 for metric in result.metrics.values())
        assert result.reason is not None or result.score == 1.0
    passed("reward-kit", 'RewardFunction(mode="remote")')


if __name__ == "__main__":
    main()
