"""Renderings as text, written piece by piece and remembered."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from mesh.table import Endpoint
from mesh.targets import envoy, text
from tests.mesh.targets import tables

# Names of fields; libyaml writes a line break as a key that nobody can read back.
KEYS = st.from_regex("[ -~]{0,5}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)
RESOURCES = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=4)


@given(listed=RESOURCES)
def test_resources_that_are_written_one_by_one_are_read_as_they_were(
    listed: list[dict[str, Any]],
) -> None:
    response = {"version_info": "7", "resources": listed}

    written = text.body([response])

    assert yaml.safe_load(written) == response


def test_what_is_no_object_is_written_too() -> None:
    values = [["a", 1], "b", 3, None, {}]

    written = text.body(values)

    assert list(yaml.safe_load_all(written)) == values


def test_what_somebody_does_to_a_rendering_does_not_change_the_next() -> None:
    parameters = envoy.EnvoyParameters(listen=Endpoint("127.0.0.1", 9000))
    snapshot = tables.EXAMPLES["ramped"]
    first = text.texts(envoy.files(snapshot, parameters))

    for objects in envoy.files(snapshot, parameters).files.values():
        for value in objects:
            value.get("resources", [{}])[0].clear()

    assert text.texts(envoy.files(snapshot, parameters)) == first
