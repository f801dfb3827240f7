"""Completions that make careless readers slow, each as a function of its length."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from sandbox_tools import shipped
from sandbox_tools.types import Json
from verifier_service.scoring.offer import Offer, offer_inline, offer_toolset
from verifier_service.scoring.parse import parse
from verifier_service.scoring.parse.formats import FORMATS
from verifier_service.scoring.pipeline import Completion, prepare, score
from verifier_service.scoring.profiles import shipped_profiles
from verifier_service.scoring.text import judge_clarify, read
from verifier_service.scoring.types import Limits, Options

# Nothing is refused for its length here: that would prove nothing about the readers.
UNLIMITED: Final = Limits(completion_bytes=1 << 30, nesting=64, calls=32, digits=400)
LENIENT: Final = Options(reasoning="implicit_end", repair=True, embedded_json=True)
TOOLS: Final = shipped()["finance"].specs
OPENERS: Final = tuple(sorted({opener for format_ in FORMATS for opener in format_.openers}))
PRICE: Final = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
CALL: Final = json.dumps(PRICE)


@dataclass(frozen=True, slots=True)
class Pathology:
    """A completion that can be as long as one likes, and what is done with it."""

    name: str
    work: Callable[[Completion], object]
    grown: Callable[[int], Completion]
    """The completion of about so many characters."""


def repeated(piece: str, size: int, before: str = "", behind: str = "") -> str:
    return before + piece * (size // len(piece) + 1) + behind


def nested(opener: str, closer: str, size: int) -> str:
    n = size // (len(opener) + len(closer)) + 1
    return opener * n + closer * n


# What is done


def parsed(options: Options, format_name: str, completion: Completion) -> object:
    return parse(completion, tools=TOOLS, format=format_name, options=options, limits=UNLIMITED)


STRICT_READING: Final = partial(parsed, Options(), "auto")
LENIENT_READING: Final = partial(parsed, LENIENT, "auto")


def judged(text: Completion) -> object:
    speech = read(str(text), ("en",))
    return judge_clarify(
        speech,
        str(text),
        missing=("date",),
        aliases={},
        given=(),
        parameters=("ticker",),
        reference=None,
        forbidden=("mix A with B",),
    )


def scored(ground_truth: Json, offer: Offer) -> Callable[[Completion], object]:
    """Scores completions of one task, from the text to the reward."""
    options, profile = Options(), shipped_profiles()["graded"]
    task = prepare(ground_truth, offer, options, UNLIMITED)

    def work(completion: Completion) -> object:
        return score(
            parse(completion, tools=task.offer.tools, options=options, limits=UNLIMITED),
            task,
            profile,
            options=options,
            limits=UNLIMITED,
        )

    return work


# Texts

PIECES: Final = (
    *("<think>", "</think>", "<think></think>", "</think><think>", "<think>a</think>b"),
    *("[", "]", "{", "}", "(", "[{", '{"a":', '{"a":[', '"', "'", "`", "```", "```json\n", "``"),
    *("\\", '\\"', "\\u00", '"\\', "'\\", '"""', '{"', '"}', "{'", ",", ":", "=", "<", ">", "</"),
    *("&", "&lt;", "<a>", "</a>", "<![CDATA[", "<!--", "#", "-", "1", "1e", "0.", "_", "|"),
    *("a", " ", "\n", "\t", "\r\n", "?", "a b ", "a\n", "é", "\u200b", "\ud800", "\U0001f600"),
    *("could you ", "I can't ", "which date? ", "what if ", '"which date" ', "please. ", "1. "),
    *(f"<tool_call>{CALL}</tool_call>", f"<tool_call>{CALL}", f"Then {CALL} ", f"`{CALL}` ", CALL),
    *('x {"\n', "get_stock_price { ", "get_stock_price(", "get_stock_price(a=", "[f(", "f(a='"),
    *("no_call", '{"name": "no_call", "arguments": {}}', '{"name": ', '{"name": "a", '),
)
"""Repeated from the first character to the last."""
FILLERS: Final = (
    "a",
    " ",
    "\n",
    "[",
    "{",
    '{"a":',
    '"',
    "'",
    "\\",
    '\\"',
    "`",
    "<",
    ">",
    "f(",
    "1",
)
"""What follows an opener without end."""


def repetitions() -> Iterator[Pathology]:
    """One piece and nothing else, read strictly, read leniently, and judged as prose."""
    works = {"strict": STRICT_READING, "lenient": LENIENT_READING, "prose": judged}
    for piece in (*PIECES, *OPENERS):
        for kind, work in works.items():
            yield Pathology(f"{kind}: {piece!r}", work, partial(repeated, piece))


def nests() -> Iterator[Pathology]:
    """What opens and closes as often, bare and within a call."""
    pairs = ("[]", "{}", "()", ('{"a":', "}"), ("<think>", "</think>"), ("<a>", "</a>"))
    around = '<tool_call>{{"name": "f", "arguments": {{"a": {}}}}}</tool_call>'
    for opener, closer in pairs:
        nest = partial(nested, opener, closer)
        yield Pathology(f"nest {opener} {closer}", STRICT_READING, nest)
        yield Pathology(
            f"nest {opener} {closer} in a call",
            LENIENT_READING,
            lambda size, nest=nest: around.format(nest(size)),
        )


def unfinished_calls() -> Iterator[Pathology]:
    """Each opener once, and then one thing without end; or that thing between many of it."""
    for opener in OPENERS:
        for filler in FILLERS:
            once = partial(repeated, filler, before=opener)
            yield Pathology(f"{opener!r}, then {filler!r}", STRICT_READING, once)
            often = partial(repeated, opener + filler)
            yield Pathology(f"{opener + filler!r}", LENIENT_READING, often)


def pairs() -> Iterator[Pathology]:
    """Every opener with every other, alternating: some readers look for one behind the other."""
    marks = (*OPENERS, "<think>", "</think>", "</tool_call>", "</function>", "</invoke>", "```")
    for one in marks:
        for other in marks:
            if one != other:
                yield Pathology(
                    f"{one!r} and {other!r}", STRICT_READING, partial(repeated, one + other)
                )


def declared() -> Iterator[Pathology]:
    """Each format by its name: its own openers, and texts that it reads as a whole."""
    for format_ in FORMATS:
        pieces = (*format_.openers, "[", '{"name": "', "a", "Action: f\nAction Input: {\n")
        for piece in pieces:
            work = partial(parsed, Options(), format_.name)
            yield Pathology(f"declared {format_.name}: {piece!r}", work, partial(repeated, piece))


def one_letter() -> Iterator[Pathology]:
    """Nothing to read, and much of it."""
    for letter in ("a", " ", "é", '"', "["):
        yield Pathology(f"one letter {letter!r}", STRICT_READING, partial(repeated, letter))
    yield Pathology("one letter 'a' as prose", judged, partial(repeated, "a"))


# Whole scores


def _hermes(name: str, arguments: Json) -> str:
    call = json.dumps({"name": name, "arguments": arguments}, separators=(",", ":"))
    return f"<tool_call>{call}</tool_call>"


ARRAYS: Final = offer_inline(
    [
        {
            "name": "f",
            "parameters": {
                "type": "object",
                "properties": {
                    "xs": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                    "set": {"type": "array", "uniqueItems": True},
                    "loose": {"type": "array"},
                    "name": {"type": "string"},
                    "some": {"type": "array", "contains": {"const": -1}},
                    "text": {"type": "string", "pattern": "^(a|b)*c?$"},
                    "map": {"additionalProperties": {"anyOf": [{"type": "string"}, {"const": 1}]}},
                },
            },
        }
    ]
)


ARGUMENTS: Final[dict[str, Callable[[int], Json]]] = {
    "array": lambda size: {"xs": [1] * (size // 2)},
    "array of wrong items": lambda size: {"xs": [-1] * (size // 3)},
    "array of arrays": lambda size: {"xs": [[]] * (size // 3)},
    "unordered array": lambda size: {"loose": [-i for i in range(size // 6)]},
    "unordered objects": lambda size: {"loose": [{"a": -i} for i in range(size // 12)]},
    "unique numbers": lambda size: {"set": list(range(size // 5))},
    "unique texts": lambda size: {"set": [str(i) for i in range(size // 7)]},
    "unique objects": lambda size: {"set": [{"a": i} for i in range(size // 11)]},
    "unique mixtures": lambda size: {"set": [[i, str(i), {"a": i}] for i in range(size // 25)]},
    "contains": lambda size: {"some": list(range(size // 5))},
    "pattern": lambda size: {"text": "ab" * (size // 2) + "d"},
    "text": lambda size: {"name": "a" * size},
    "accents": lambda size: {"name": "e\u0301" * (size // 7)},
    "digits": lambda size: {"name": "1" * size},
    "members": lambda size: {f"k{i}": i for i in range(size // 12)},
    "members of one": lambda size: {"map": {f"k{i}": 2 for i in range(size // 12)}},
}
"""Arguments of one call, of about so many characters."""


def scores() -> Iterator[Pathology]:
    """Right and wrong calls with long arguments, many calls, many messages, long prose."""
    loose = {"match": {"f.loose": ["unordered"]}}
    long_truth = {"xs": [1] * 50, "loose": list(range(50)), "map": {"k1": "v"}}
    truth = {"behavior": "execute", "calls": [{"name": "f", "arguments": long_truth}], **loose}
    inline = scored(truth, ARRAYS)
    for name, arguments in ARGUMENTS.items():
        yield Pathology(
            f"score {name}", inline, lambda n, arguments=arguments: _hermes("f", arguments(n))
        )
    finance = offer_toolset(shipped()["finance"])
    execute = scored([PRICE, PRICE], finance)
    for name, piece in {
        "calls": f"<tool_call>{CALL}</tool_call>\n",
        "malformed calls": "<tool_call>{</tool_call>",
        "unknown calls": _hermes("g", {}),
        "sentinels": _hermes("no_call", {}),
        "refusals": "I can't do that. ",
    }.items():
        yield Pathology(f"score {name}", execute, partial(repeated, piece))
    for behavior in ("clarify", "refuse", "no_call"):
        missing = {"missing": ["date"]} if behavior == "clarify" else {}
        work = scored({"behavior": behavior, **missing}, finance)
        for piece in ("Which date? ", "I can't help. ", "a ", "a\n", f"<tool_call>{CALL} "):
            yield Pathology(f"score {behavior} {piece!r}", work, partial(repeated, piece))
    yield Pathology("score messages", execute, _conversation)


def _conversation(size: int) -> Completion:
    """As many turns as fill the size, each with a call, its result and a question."""
    function = {"name": "get_stock_price", "arguments": json.dumps(PRICE["arguments"])}
    turn = [
        {"role": "assistant", "tool_calls": [{"id": "c", "function": function}]},
        {"role": "tool", "tool_call_id": "c", "content": "243.36"},
        {"role": "user", "content": "Again?"},
    ]
    return [*turn * (size // 250 + 1), {"role": "assistant", "content": "Done."}]
