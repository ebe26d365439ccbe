from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink import names
from algolink.errors import InvalidArgument
from algolink.names import ExperimentName, ModelName, VersionName

IDS = ["a", "iris", "resnet-50", "a--b", "x" * 63]
NO_IDS = [
    "",
    "-a",
    "a-",
    "1a",
    "A",
    "a_b",
    "a b",
    "a/b",
    "a.b",
    "x" * 64,
    "iris\n",
    "ïris",
    "a\x00",
]
ALIASES = ["a", "champion", "b-", "x" * 32]
NO_ALIASES = ["", "-a", "1a", "Champion", "a_b", "x" * 33, "champion\n", "ä"]
METRICS = ["a", "click.rate", "p99_ms", "a-b", "x" * 64]
NO_METRICS = ["", "1a", "_a", "A", "a b", "a/b", "x" * 65, "clicks\n", "é"]
DIGESTS = ["0" * 64, "0123456789abcdef" * 4]
NO_DIGESTS = ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", "\u0660" * 64]

Check = Callable[[str], str]
CHECKS: list[tuple[Check, str, list[str], list[str]]] = [
    (names.check_model_id, "MODEL_ID_INVALID", IDS, NO_IDS),
    (names.check_experiment_id, "EXPERIMENT_ID_INVALID", IDS, NO_IDS),
    (names.check_alias, "ALIAS_INVALID", ALIASES, NO_ALIASES),
    (names.check_arm_id, "ARMS_INVALID", ALIASES, NO_ALIASES),
    (names.check_metric_name, "METRIC_INVALID", METRICS, NO_METRICS),
    (names.check_digest, "DIGEST_MALFORMED", DIGESTS, NO_DIGESTS),
]


@pytest.mark.parametrize(
    ("check", "value"), [(check, value) for check, _, good, _ in CHECKS for value in good]
)
def test_a_well_formed_name_comes_back_as_it_is(check: Check, value: str) -> None:
    assert check(value) == value


@pytest.mark.parametrize(
    ("check", "reason", "value"),
    [(check, reason, value) for check, reason, _, bad in CHECKS for value in bad],
)
def test_a_malformed_name_is_refused_and_shown(check: Check, reason: str, value: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check(value)

    assert caught.value.reason == reason
    assert caught.value.metadata["value"] in caught.value.message
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "unit", ["u", "user-42", "a.b:c@d+e/f=g_h", "0", "A" * 128, "=", "..", "//"]
)
def test_units_of_the_allowed_characters_are_assigned(unit: str) -> None:
    assert names.is_unit(unit)


@pytest.mark.parametrize(
    "unit",
    [
        "",
        " ",
        "two words",
        "a,b",
        "a;b",
        "a\n",
        "a\r\n",
        "a\x00",
        "ünit",
        "\u0663",
        "A" * 129,
        "A" * 10_240,
    ],
)
def test_anything_else_is_no_unit(unit: str) -> None:
    assert not names.is_unit(unit)


@given(st.from_regex(names.ID_PATTERN, fullmatch=True), st.integers(1, 10**18 - 1))
def test_names_read_back_what_they_write(model: str, number: int) -> None:
    for name in (ModelName(model), VersionName(model, number), ExperimentName(model)):
        assert type(name).parse(str(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "iris",
        "model/iris",
        "models",
        "models/",
        "models/iris/",
        "/models/iris",
        "models/iris\n",
        "models/Iris",
        "models/iris/versions/1",
        "experiments/iris",
    ],
)
def test_what_names_no_model_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ModelName.parse(name)

    assert caught.value.reason == "MODEL_ID_INVALID"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "models/iris",
        "models/iris/versions",
        "models/iris/versions/",
        "models/iris/versions/0",
        "models/iris/versions/01",
        "models/iris/versions/-1",
        "models/iris/versions/1.0",
        "models/iris/versions/\u0663",
        "models/iris/versions/1\n",
        "models/iris/versions/1/",
        "models/iris/version/1",
        "model/iris/versions/1",
        "models/iris/versions/" + "9" * 19,
    ],
)
def test_what_names_no_version_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        VersionName.parse(name)

    assert caught.value.reason == "VERSION_NAME_INVALID"


def test_a_version_of_a_malformed_model_says_that_the_model_is_wrong() -> None:
    with pytest.raises(InvalidArgument) as caught:
        VersionName.parse("models/Iris/versions/1")

    assert caught.value.reason == "MODEL_ID_INVALID"


@pytest.mark.parametrize(
    "name",
    ["", "digits", "experiment/digits", "experiments/", "experiments/a/b", "experiments/a\n"],
)
def test_what_names_no_experiment_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ExperimentName.parse(name)

    assert caught.value.reason == "EXPERIMENT_ID_INVALID"


@given(st.text(max_size=500))
def test_any_text_is_shown_in_one_short_printable_line(text: str) -> None:
    shown = names.shown(text, limit=20)

    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) < 20 * len("\\U0010ffff") + len("''... (500 characters)") + 1
