"""The room that reads completions: text or chat messages in, calls and prose out."""

from verifier_service.scoring.parse.formats import format_names
from verifier_service.scoring.parse.parser import parse, parse_plain

__all__ = ["format_names", "parse", "parse_plain"]
