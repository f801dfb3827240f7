"""Toolsets as YAML: result tables, injected errors, writes, and what is wrong with a file."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox_tools import Toolset, ToolsetError
from sandbox_tools.yaml_file import read

Loader = Callable[[str], Toolset]

SHOP = """\
name: orders
description: A small shop.
clock: 2025-01-03T12:00:00Z
state:
  orders: {W9: {status: open}}
  log: []
tools:
  - name: get_order
    description: Get an order.
    read_only: true
    parameters:
      type: object
      properties:
        order_id: {type: string}
        year: {type: integer}
        verbose: {type: boolean, default: false}
      required: [order_id]
    results:
      - when: {order_id: W9}
        return: {status: open, placed: 2025-01-03}
      - when: {order_id: W9, year: 2024}
        return: 1
      - when: {order_id: Café, verbose: true}
        error: This order is archived.
  - name: cancel_order
    description: Cancel an order.
    parameters:
      type: object
      properties: {order_id: {type: string}}
    results:
      - when: {order_id: W9}
        return: null
        set:
          /orders/W9/status: cancelled
          /log/-: {cancelled: W9}
    otherwise: {return: false}
  - name: flaky
    description: Fails twice.
    read_only: true
    parameters: {type: object}
    otherwise: {return: up}
    errors: {1: Busy., 2: Still busy.}
"""


@pytest.fixture
def shop(load_yaml: Loader) -> Toolset:
    return load_yaml(SHOP)


def test_the_file_gives_name_description_clock_and_state(shop: Toolset) -> None:
    assert (shop.name, shop.description) == ("orders", "A small shop.")
    assert shop.now.isoformat() == "2025-01-03T12:00:00+00:00"
    assert shop.state == {"orders": {"W9": {"status": "open"}}, "log": []}
    assert [spec.read_only for spec in shop.specs.values()] == [True, False, True]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        pytest.param(
            {"order_id": "W9"}, {"status": "open", "placed": "2025-01-03"}, id="as written"
        ),
        pytest.param(
            {"order_id": "W9", "verbose": False},
            {"status": "open", "placed": "2025-01-03"},
            id="default spelt out",
        ),
        pytest.param({"order_id": "W9", "year": 2024.0}, 1, id="integral float"),
        pytest.param({"year": 2024, "order_id": "W9"}, 1, id="other order of keys"),
    ],
)
def test_equal_arguments_find_their_row(
    shop: Toolset, arguments: dict[str, Any], value: Any
) -> None:
    assert shop.sandbox().run("get_order", arguments).value == value


@pytest.mark.parametrize("spelling", ["Café", "Cafe\u0301"])
def test_a_row_may_refuse(shop: Toolset, spelling: str) -> None:
    result = shop.sandbox().run("get_order", {"order_id": spelling, "verbose": True})
    assert result.error == "This order is archived."


def test_arguments_without_a_row_are_refused(shop: Toolset) -> None:
    result = shop.sandbox().run("get_order", {"order_id": "W9", "verbose": True})
    assert result.error == "There is no result for these arguments."


def test_otherwise_answers_for_the_rest(shop: Toolset) -> None:
    assert shop.sandbox().run("cancel_order", {"order_id": "W1"}).value is False


def test_injected_errors_come_by_the_number_of_the_call(shop: Toolset) -> None:
    sandbox = shop.sandbox()
    results = [sandbox.run("flaky", {}) for _ in range(3)]
    assert [result.error for result in results] == ["Busy.", "Still busy.", None]


def test_a_row_may_set_members_and_append_items(shop: Toolset) -> None:
    sandbox = shop.sandbox()
    for _ in range(2):
        sandbox.run("cancel_order", {"order_id": "W9"})
    assert sandbox.state == {
        "orders": {"W9": {"status": "cancelled"}},
        "log": [{"cancelled": "W9"}, {"cancelled": "W9"}],
    }
    assert [write.path for write in sandbox.writes] == ["/log/0", "/orders/W9/status", "/log/1"]


def test_rows_are_shared_by_no_two_episodes(shop: Toolset) -> None:
    shop.sandbox().run("get_order", {"order_id": "W9"}).value["status"] = "forged"
    assert shop.sandbox().run("get_order", {"order_id": "W9"}).value["status"] == "open"


def test_the_digest_follows_the_meaning_not_the_layout(load_yaml: Loader) -> None:
    digest = load_yaml(SHOP).digest
    assert load_yaml("# a comment\n" + SHOP.replace("W9: {", "W9:   {")).digest == digest
    for old, new in (("open}}", "shut}}"), ("return: 1", "return: 2"), ("12:00", "12:01")):
        assert load_yaml(SHOP.replace(old, new)).digest != digest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2025-01-03", "2025-01-03"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        ("true", True),
        ("~", None),
        ("", None),
        ("-12", -12),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ('"5"', "5"),
        ("{2024: 1}", {"2024": 1}),
        ("[&a 1, *a]", [1, 1]),
    ],
)
def test_yaml_is_read_as_json_would_be(text: str, value: Any) -> None:
    assert read(f"x: {text}").value == {"x": value}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        pytest.param("read_only: true", "readonly: true", 10, "`readonly`", id="unknown key"),
        pytest.param("name: orders\n", "", 1, "`name` is missing", id="missing key"),
        pytest.param("Get an order.", "[1]", 9, "description", id="wrong type"),
        pytest.param("state:", "state: [1]\nx:", 4, "not an object", id="state"),
        pytest.param("12:00:00Z", "12:00:00", 3, "time zone", id="clock"),
        pytest.param("name: get_order", "name: get order", 8, "hyphens", id="name of a tool"),
        pytest.param("cancel_order", "get_order", 25, "declared twice", id="two of a name"),
        pytest.param("boolean", "boolea", 16, "invalid JSON Schema", id="schema"),
        pytest.param("type: object\n      prop", "type: array\n      prop", 11, "root", id="root"),
        pytest.param("{type: integer}", '{$ref: "#/$defs/x"}', 15, "#/[$]defs/x", id="dangling"),
        pytest.param("{type: integer}", '{$ref: "http://x/y"}', 15, "http://x/y", id="remote"),
        pytest.param("{type: integer}", '{pattern: "("}', 15, "regex", id="pattern"),
        pytest.param("when: {order_id: W9}\n        return: {", "when: {}\n        return: {", 19,
                     "required", id="row lacks a parameter"),
        pytest.param("{order_id: W9, year: 2024}", "{order_id: W9, yaer: 2024}", 21,
                     "yaer", id="row has an unknown parameter"),
        pytest.param("year: 2024}", 'year: "2024"}', 21, "integer", id="row breaks the schema"),
        pytest.param("year: 2024}", "verbose: false}", 21, "earlier row", id="row never reached"),
        pytest.param("return: 1", "return: 1\n        error: x", 21, "not both", id="both"),
        pytest.param("        return: 1\n", "", 21, "not both", id="neither"),
        pytest.param("error: This", "set: {/log/-: 1}\n        error: This", 23,
                     "changes nothing", id="error that writes"),
        pytest.param("return: 1", "return: 1\n        set: {/log/-: 1}", 23,
                     "cannot write", id="read-only that writes"),
        pytest.param("/log/-", "/logs/-", 35, "leads nowhere", id="pointer"),
        pytest.param("/log/-", "log", 35, "leads nowhere", id="no pointer"),
        pytest.param("{1: Busy.,", "{0: Busy.,", 42, "greater than 0", id="call number"),
        pytest.param("name: orders", "name: orders\nname: x", 2, "stands twice", id="key twice"),
        pytest.param("[order_id]", "[order_id", 18, "expected", id="syntax"),
        pytest.param("W9: {status: open}", "W9: *nothing", 5, "undefined alias", id="alias"),
        pytest.param("W9: {status: open}", "W9: &a [*a]", None, "contains itself", id="loop"),
        pytest.param("{W9: {", "{<<: {", 5, "merge keys", id="merge key"),
        pytest.param("return: 1", "return: 1e999", 22, "not JSON", id="infinity"),
        pytest.param("return: 1", "return: !!binary aaaa", 22, "not JSON", id="bytes"),
        pytest.param("return: 1", "return: !!python/name:os.system x", 22, "python", id="code"),
        pytest.param("return: 1", "return: " + "9" * 5000, 22, "digits", id="endless number"),
        pytest.param("A small", "\x01", None, "special characters", id="control character"),
    ],
)  # fmt: skip
def test_a_broken_file_fails_with_file_line_and_remedy(
    load_yaml: Loader, old: str, new: str, line: int | None, message: str
) -> None:
    assert old in SHOP
    with pytest.raises(ToolsetError, match=message) as caught:
        load_yaml(SHOP.replace(old, new, 1))
    assert caught.value.file.endswith("sample.yaml")
    assert caught.value.line == line
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "[]", "5", "tools: []\nname: a"])
def test_a_file_without_tools_is_refused(load_yaml: Loader, text: str) -> None:
    with pytest.raises(ToolsetError):
        load_yaml(text)


def test_a_schema_without_end_is_refused(load_yaml: Loader) -> None:
    endless = SHOP.replace("{type: integer}", '{allOf: [{$ref: "#/properties/year"}]}')
    with pytest.raises(ToolsetError, match="without end"):
        load_yaml(endless)


@pytest.mark.parametrize(
    ("text", "message"), [("", "it is empty, and so no"), ("- x\n", "it is no mapping")]
)
def test_a_file_that_holds_no_toolset_says_so(
    load_yaml: Callable[[str], Toolset], text: str, message: str
) -> None:
    with pytest.raises(ToolsetError, match=message):
        load_yaml(text)
