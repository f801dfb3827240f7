"""The difference between two states as writes."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_tools import ABSENT, Write
from sandbox_tools.json_values import canonical_text
from sandbox_tools.writes import changes

SCALARS = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "~/"])
STATES = st.dictionaries(
    st.sampled_from(["a", "b/c", "~d", ""]),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "/"]), inner)
        ),
        max_leaves=6,
    ),
)


@pytest.mark.parametrize(
    ("before", "after", "writes"),
    [
        pytest.param({"a": 1}, {"a": 2}, [Write("/a", 1, 2)], id="replaced"),
        pytest.param({}, {"a": None}, [Write("/a", ABSENT, None)], id="null is not absent"),
        pytest.param({"a": 1}, {}, [Write("/a", 1, ABSENT)], id="removed"),
        pytest.param({"a": [1]}, {"a": [1, 2]}, [Write("/a/1", ABSENT, 2)], id="appended"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, [Write("/a/1", 2, ABSENT)], id="cut"),
        pytest.param({"a": 1}, {"a": True}, [Write("/a", 1, True)], id="true is not 1"),
        pytest.param({"a": 1}, {"a": 1.0}, [], id="1.0 is 1"),
        pytest.param({"a": {}}, {"a": []}, [Write("/a", {}, [])], id="object is not array"),
        pytest.param({}, {"a/b~": 1}, [Write("/a~1b~0", ABSENT, 1)], id="escaped"),
        pytest.param(
            {}, {"b": 1, "a": 2}, [Write("/a", ABSENT, 2), Write("/b", ABSENT, 1)], id="sorted"
        ),
    ],
)
def test_a_change_is_a_write(before: Any, after: Any, writes: list[Write]) -> None:
    assert list(changes(before, after)) == writes


@given(STATES)
def test_a_state_does_not_differ_from_its_copy(state: Any) -> None:
    assert not list(changes(state, copy.deepcopy(state)))


@given(STATES, STATES)
def test_writes_replayed_on_the_old_state_give_the_new_one(before: Any, after: Any) -> None:
    replayed, writes = copy.deepcopy(before), list(changes(before, after))
    for write in writes:
        if write.after is not ABSENT:
            apply(replayed, write)
    # From the end, or the indices of the items that are still to be cut would move.
    for write in reversed(writes):
        if write.after is ABSENT:
            apply(replayed, write)
    assert canonical_text(replayed) == canonical_text(after)


def apply(state: Any, write: Write) -> None:
    tokens = [t.replace("~1", "/").replace("~0", "~") for t in write.path.split("/")[1:]]
    for token in tokens[:-1]:
        state = state[int(token)] if isinstance(state, list) else state[token]
    key: Any = int(tokens[-1]) if isinstance(state, list) else tokens[-1]
    if write.after is ABSENT:
        del state[key]
    elif isinstance(state, list) and key == len(state):
        state.append(copy.deepcopy(write.after))
    else:
        state[key] = copy.deepcopy(write.after)
