from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algolink.errors import InvalidArgument
from cli import inputs, shares


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["[[1.0, 2.0]]"], [[1.0, 2.0]]),
        (["x=[[1]]"], {"x": [[1]]}),
        (["x=[1]", "y=[2]"], {"x": [1], "y": [2]}),
        (["7"], 7),
        (['["a=b"]'], ["a=b"]),
        (['x=["a=b"]'], {"x": ["a=b"]}),
    ],
)
def test_json_is_read_with_and_without_names(values: list[str], expected: object) -> None:
    assert inputs.parse(values) == expected


def test_files_are_read_by_their_ending(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.arange(4.0).reshape(2, 2))
    (tmp_path / "rows.json").write_text("[[0, 1], [2, 3]]")

    from_numpy = inputs.parse([f"@{tmp_path}/rows.npy"])
    from_json = inputs.parse([f"x=@{tmp_path}/rows.json"])

    assert np.asarray(from_numpy).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert from_json == {"x": [[0, 1], [2, 3]]}


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.array([{}], dtype=object), allow_pickle=True)

    with pytest.raises(InvalidArgument, match=r"rows\.npy"):
        inputs.parse([f"@{tmp_path}/rows.npy"])


@pytest.mark.parametrize(
    "values", [["x=[1", "y=[1]"], ["[1]", "[2]"], ["x=[1]", "x=[2]"], ["nonsense"], ["x=@rows.txt"]]
)
def test_what_cannot_be_read_is_refused(values: list[str]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        inputs.parse(values)

    assert caught.value.reason == "INPUT_INVALID"


@pytest.mark.parametrize("share", ["10", "10.001%", "0.5bp", "-1%", "ten", "", "%", "1e3bp"])
def test_a_share_needs_a_unit_and_whole_basis_points(share: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        shares.basis_points(share)

    assert caught.value.reason == "WEIGHTS_INVALID"


@pytest.mark.parametrize("assignments", [["champion"], ["=5%"], ["a=5%", "a=5%"]])
def test_shares_are_by_arm(assignments: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        shares.by_arm(assignments)
