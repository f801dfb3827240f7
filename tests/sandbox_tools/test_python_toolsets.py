"""Toolsets as Python modules: schemas, typed arguments, and what is wrong with a file."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox_tools import Toolset, ToolsetError

Loader = Callable[[str], Toolset]

IMPORTS = """
import datetime
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional
from typing_extensions import TypedDict
from pydantic import BaseModel, Field, field_validator
from sandbox_tools import ToolError, World, tool

class Colour(enum.Enum):
    RED = "red"

class Person(BaseModel):
    title: str
    age: int

    @field_validator("age")
    @classmethod
    def is_adult(cls, age: int) -> int:
        if age < 18:
            raise ValueError("adults only")
        return age

@dataclass
class Point:
    x: float
    y: float = 0.0

class Tag(TypedDict):
    key: str
"""


def one_tool(load: Loader, parameters: str, body: str = "return None") -> Toolset:
    return load(f'{IMPORTS}\n@tool\ndef act({parameters}):\n    """Act."""\n    {body}\n')


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("str", {"type": "string"}),
        ("list[float]", {"type": "array", "items": {"type": "number"}}),
        ("dict[str, int]", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ('Literal["a", "b"]', {"type": "string", "enum": ["a", "b"]}),
        ("datetime.date", {"type": "string", "format": "date"}),
        ("Annotated[int, Field(ge=1)]", {"type": "integer", "minimum": 1}),
        ("Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("Point", {"$ref": "#/$defs/Point"}),
        ("Any", {}),
    ],
)
def test_a_hint_becomes_a_schema(
    load_python: Loader, annotation: str, schema: dict[str, Any]
) -> None:
    spec = one_tool(load_python, f"x: {annotation}").specs["act"]
    assert spec.parameters["properties"] == {"x": schema}
    assert spec.parameters["required"] == ["x"]
    assert spec.parameters["additionalProperties"] is False


def test_a_default_makes_a_parameter_optional(load_python: Loader) -> None:
    parameters = one_tool(load_python, "x: int = 3").specs["act"].parameters
    assert parameters["properties"] == {"x": {"type": "integer", "default": 3}}
    assert "required" not in parameters


def test_titles_made_of_names_are_dropped_but_a_member_called_title_stays(
    load_python: Loader,
) -> None:
    parameters = one_tool(load_python, "title: str, person: Person").specs["act"].parameters
    assert parameters["properties"]["title"] == {"type": "string"}
    assert parameters["$defs"]["Person"] == {
        "type": "object",
        "properties": {"title": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["title", "age"],
    }


def test_the_docstring_describes_tool_and_parameters(load_python: Loader) -> None:
    spec = load_python('''
        from typing import Annotated
        from pydantic import Field
        from sandbox_tools import tool

        @tool
        def find(city: str, limit: int, sort: Annotated[str, Field(description="By.")]) -> list:
            """Find places.

            Only open ones.

            Args:
                city: Name of the city: where
                    to look.
                limit (int): How many.
                sort: Not shown.

            Returns:
                limit: places.
            """
            return []
    ''').specs["find"]
    properties = spec.parameters["properties"]
    assert spec.description == "Find places.\n\nOnly open ones."
    assert properties["city"]["description"] == "Name of the city: where to look."
    assert properties["limit"]["description"] == "How many."
    assert properties["sort"]["description"] == "By."


def test_a_parameter_may_be_called_by_a_keyword_of_python(load_python: Loader) -> None:
    toolset = one_tool(load_python, 'from_: Annotated[str, Field(alias="from")]', "return from_")
    assert list(toolset.specs["act"].parameters["properties"]) == ["from"]
    assert toolset.sandbox().run("act", {"from": "USD"}).value == "USD"


def test_world_is_not_shown_to_the_model(load_python: Loader) -> None:
    toolset = one_tool(load_python, "here: World, x: int = 1")
    assert list(toolset.specs["act"].parameters["properties"]) == ["x"]


def test_only_what_is_marked_is_a_tool_in_order_of_definition(load_python: Loader) -> None:
    toolset = load_python('''
        from sandbox_tools import tool

        @tool(read_only=True)
        def second() -> int:
            """Look."""
            return helper()

        def helper() -> int:
            return 2

        @tool
        def first() -> int:
            """Do."""
            return 1
    ''')
    assert [(s.name, s.read_only) for s in toolset.specs.values()] == [
        ("second", True),
        ("first", False),
    ]


@pytest.mark.parametrize(
    ("annotation", "argument", "typed"),
    [
        ("int", 2024.0, "2024"),
        ("float", 5, "5.0"),
        ("datetime.date", "2025-01-03", "datetime.date(2025, 1, 3)"),
        ("Colour", "red", "<Colour.RED: 'red'>"),
        ("Person", {"title": "Dr", "age": 40.0}, "Person(title='Dr', age=40)"),
        ("Point", {"x": 1}, "Point(x=1.0, y=0.0)"),
        ("Tag", {"key": "k"}, "{'key': 'k'}"),
        ("list[Point]", [{"x": 1, "y": 2}], "[Point(x=1.0, y=2.0)]"),
        ("tuple[int, int]", [1, 2.0], "(1, 2)"),
        ("Optional[int]", None, "None"),
    ],
)
def test_arguments_arrive_as_annotated(
    load_python: Loader, annotation: str, argument: Any, typed: str
) -> None:
    sandbox = one_tool(load_python, f"x: {annotation}", "return repr(x)").sandbox()
    assert sandbox.run("act", {"x": argument}).value == typed


@pytest.mark.parametrize(
    ("annotation", "argument"),
    [
        pytest.param("int", "5", id="string for an integer"),
        pytest.param("int", True, id="boolean for an integer"),
        pytest.param("str", 5, id="number for a string"),
        pytest.param("float", 10**400, id="number beyond a float"),
        pytest.param("int", 10**5000, id="more digits than Python reads"),
        pytest.param("list[int]", "1, 2", id="string for an array"),
        pytest.param("Person", {"title": "Dr", "age": "40"}, id="string inside a model"),
        pytest.param("Person", {"title": "Jr", "age": 4}, id="refused by the model itself"),
        pytest.param("datetime.date", "2025-02-30", id="no such day"),
    ],
)
def test_arguments_that_no_annotation_allows_are_refused(
    load_python: Loader, annotation: str, argument: Any
) -> None:
    result = one_tool(load_python, f"x: {annotation}").sandbox().run("act", {"x": argument})
    assert result.error is not None
    assert len(result.error) < 400


def test_annotations_may_be_postponed(load_python: Loader) -> None:
    source = f"from __future__ import annotations\n{IMPORTS}"
    source += "@dataclass\nclass Line:\n    end: Point\n"
    source += '@tool\ndef act(x: Line) -> str:\n    """Act."""\n    return repr(x)\n'
    result = load_python(source).sandbox().run("act", {"x": {"end": {"x": 1}}})
    assert result.value == "Line(end=Point(x=1.0, y=0.0))"


def test_a_wrapped_function_keeps_its_parameters(load_python: Loader) -> None:
    toolset = load_python("""
        import functools
        from sandbox_tools import tool

        def doubled(function):
            @functools.wraps(function)
            def wrapper(**arguments):
                return 2 * function(**arguments)
            return wrapper

        @tool
        @doubled
        def act(x: int) -> int:
            '''Act.'''
            return x
    """)
    assert toolset.sandbox().run("act", {"x": 2}).value == 4


def test_a_mutable_default_is_fresh_in_every_call(load_python: Loader) -> None:
    toolset = one_tool(load_python, "x: list[int] = []", "x.append(1); return x")
    assert [toolset.sandbox().run("act", {}).value for _ in range(2)] == [[1], [1]]


def test_name_state_and_clock_are_constants_of_the_module(load_python: Loader) -> None:
    toolset = load_python('''
        """What it is for."""
        import datetime
        from sandbox_tools import tool
        NAME = "other"
        STATE = {"a": 1}
        CLOCK = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
        @tool
        def act() -> None:
            """Act."""
    ''')
    assert (toolset.name, toolset.description) == ("other", "What it is for.")
    assert toolset.state == {"a": 1}
    assert toolset.now.isoformat() == "2025-01-01T00:00:00+00:00"


def test_the_digest_follows_the_source(load_python: Loader) -> None:
    digests = [one_tool(load_python, "x: int", body).digest for body in ("1", "1", "2")]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == len("sha256:") + 64


def test_an_edited_file_runs_as_edited(load_python: Loader) -> None:
    values = [
        one_tool(load_python, "", f"return {number}").sandbox().run("act", {}).value
        for number in (1, 2)
    ]
    assert values == [1, 2]


HEAD = "from sandbox_tools import tool, World\n"


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        pytest.param("def f(:\n", 1, "invalid syntax", id="syntax"),
        pytest.param("x = 1\nimport nowhere_to_be_found\n", 2, "ModuleNotFoundError", id="import"),
        pytest.param("def f():\n    1 / 0\nf()\n", 2, "ZeroDivisionError", id="exception"),
        pytest.param("import sys\nsys.exit(3)\n", 2, "SystemExit", id="exit"),
        pytest.param("def f(): ...\n", None, "no function is a tool", id="no tool"),
        pytest.param(HEAD + "@tool\ndef f(): ...\n", 2, "no docstring", id="no docstring"),
        pytest.param(HEAD + "@tool\ndef f(x):\n '''F.'''\n", 2, "annotate", id="no hint"),
        pytest.param(HEAD + "@tool\ndef f(*x: int):\n '''F.'''\n", 2, r"\*x", id="varargs"),
        pytest.param(HEAD + "@tool\ndef f(**x: int):\n '''F.'''\n", 2, r"\*\*x", id="kwargs"),
        pytest.param(HEAD + "@tool\ndef f(x: int, /):\n '''F.'''\n", 2, "x: int", id="positional"),
        pytest.param(
            HEAD + "import functools\n@functools.cache\n@tool\ndef f():\n 'F.'\n",
            3,
            "plain",
            id="cache",
        ),
        pytest.param(HEAD + "@tool\nasync def f():\n '''F.'''\n", 2, "plain", id="async"),
        pytest.param(HEAD + "@tool\ndef f():\n '''F.'''\n yield 1\n", 2, "plain", id="generator"),
        pytest.param(HEAD + "@tool\ndef f(x: 'Y'):\n '''F.'''\n", 2, "Y", id="unknown hint"),
        pytest.param(HEAD + "@tool\ndef f(x: object()):\n '''F.'''\n", 2, "f", id="no type"),
        pytest.param(
            HEAD + "@tool\ndef f(x: World.__class__):\n '''F.'''\n", 2, "schema", id="class"
        ),
        pytest.param(
            HEAD + "class A: ...\n@tool\ndef f(x: A):\n '''F.'''\n", 3, "A", id="own class"
        ),
        pytest.param(
            HEAD + "@tool\ndef f(x: int = object()):\n '''F.'''\n", 2, "schema", id="default"
        ),
        pytest.param(
            HEAD + "@tool\ndef f(x: int):\n '''F.\n\n Args:\n  y: Y.\n '''\n", 2, "`y`", id="Args"
        ),
        pytest.param(
            HEAD + "@tool\ndef f():\n '''F.'''\n@tool\ndef f():\n '''G.'''\n",
            6,
            "twice",
            id="twice",
        ),
        pytest.param(HEAD + "n = 0\ndef f():\n global n\n", 4, "global", id="global"),
        pytest.param(HEAD + "STATE = [1]\n@tool\ndef f():\n '''F.'''\n", 2, "STATE", id="state"),
        pytest.param(
            HEAD + "STATE: dict = {'a': {1}}\n@tool\ndef f():\n '''F.'''\n",
            2,
            "set",
            id="state set",
        ),
        pytest.param(
            HEAD + "\nCLOCK = '2025'\n@tool\ndef f():\n '''F.'''\n", 3, "CLOCK", id="clock"
        ),
        pytest.param(HEAD + "NAME = 'a b'\n@tool\ndef f():\n '''F.'''\n", 2, "NAME", id="name"),
    ],
)
def test_a_broken_module_fails_with_file_line_and_remedy(
    load_python: Loader, source: str, line: int | None, message: str
) -> None:
    with pytest.raises(ToolsetError, match=message) as caught:
        load_python(source)
    assert caught.value.file.endswith("sample.py")
    assert caught.value.line == line
    assert caught.value.remedy
