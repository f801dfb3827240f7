"""The JSON Schema Test Suite, run through the validators of room 2 without the closing of roots."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from referencing.exceptions import Unresolvable

from verifier_service.scoring.schema_keywords import DEFAULT_DRAFT, validator_of

SUITE = Path(
    os.environ.get("JSON_SCHEMA_TEST_SUITE")
    or Path(__file__).parents[3] / "shared/data/json-schema-test-suite"
)
DRAFTS = {"draft2020-12": DEFAULT_DRAFT, "draft7": "json-schema.org/draft-07/schema"}

REMOTE = "http://localhost:1234"
"""The host of the suite's remote schemas: references to it must be refused."""

EXCLUDED_FILES = {
    "draft2020-12/format.json": "`format` is asserted here; the suite's default is annotation",
    "draft7/optional/content.json": "content keywords are annotations in later drafts, and here",
    "optional/format/ecmascript-regex.json": "Python's own syntax is accepted beside ECMA's",
    "optional/format/uri-template.json": "the library's reading of RFC 6570 is laxer",
}
EXCLUDED_GROUPS = {"validation of A-label (punycode) host names": "punycode is not decoded"}
EXCLUDED_TESTS = {
    "a domain label that is not in Unicode NFC is valid": "RFC 5891 wants NFC",
    "a C1 control in the local part is valid": "nobody writes one to a tool",
    "Bidi domain name with a digit-first label is invalid": "labels are checked one by one",
    "an IPv6 host whose embedded IPv4 has a leading zero is invalid": "the library allows it",
    "a leading zero in the IPv4 part of an IPv6 literal": "the library allows it",
    "leading zero in an embedded IPv4 address is invalid": "the library allows it",
    "an IPvFuture host with an uppercase version letter is valid": "the library refuses it",
}

pytestmark = pytest.mark.skipif(
    not SUITE.is_dir(), reason="set JSON_SCHEMA_TEST_SUITE to a checkout of the suite"
)

Group = dict[str, Any]


def groups(draft: str) -> Iterator[tuple[str, Group]]:
    """Groups of the draft that this validator ought to pass, with the name of their file."""
    for path in sorted((SUITE / "tests" / draft).rglob("*.json")):
        name = path.relative_to(SUITE / "tests").as_posix()
        if not any(name.endswith(excluded) for excluded in EXCLUDED_FILES):
            for group in json.loads(path.read_text(encoding="utf-8")):
                if group["description"] not in EXCLUDED_GROUPS:
                    yield name, group


def is_remote(name: str, group: Group) -> bool:
    return name.endswith("refRemote.json") or REMOTE in json.dumps(group["schema"])


def disagreements(draft: str, name: str, group: Group) -> Iterator[str]:
    schema = group["schema"] if isinstance(group["schema"], dict) else {"allOf": [group["schema"]]}
    validator = validator_of(schema, DRAFTS[draft])
    for test in group["tests"]:
        if test["description"] in EXCLUDED_TESTS:
            continue
        errors = list(validator.iter_errors(test["data"]))
        if bool(errors) == test["valid"] or validator.is_valid(test["data"]) != test["valid"]:
            yield f"{name}: {group['description']}: {test['description']}"


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_local_group_of_the_suite_agrees(draft: str) -> None:
    local = [(name, group) for name, group in groups(draft) if not is_remote(name, group)]
    assert len(local) > 200
    assert not [wrong for name, group in local for wrong in disagreements(draft, name, group)]


@pytest.mark.parametrize("draft", DRAFTS)
def test_no_group_with_remote_references_is_judged_wrongly_or_reaches_the_network(
    draft: str,
) -> None:
    refused = 0
    for name, group in groups(draft):
        if is_remote(name, group) and "metaschema" not in json.dumps(group["schema"]):
            try:
                assert not list(disagreements(draft, name, group))
            except Unresolvable:
                refused += 1
    assert refused >= 10
