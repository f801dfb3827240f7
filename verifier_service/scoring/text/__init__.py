"""The room that reads prose: which act a text performs, and what it earns where text was due."""

from verifier_service.scoring.text.acts import Act, Speech, read
from verifier_service.scoring.text.clarify import judge_clarify, missing_in_question
from verifier_service.scoring.text.judge import (
    behavior_of,
    judge_beside_call,
    judge_no_call,
    judge_refuse,
)
from verifier_service.scoring.text.judgement import TextJudgement
from verifier_service.scoring.text.language import available as available_languages

__all__ = [
    "Act",
    "Speech",
    "TextJudgement",
    "available_languages",
    "behavior_of",
    "judge_beside_call",
    "judge_clarify",
    "judge_no_call",
    "judge_refuse",
    "missing_in_question",
    "read",
]
