"""Input sets: reading, refusing, chunking, random ones, and accuracy."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.errors import UsageError
from cfukit_sw.model import Model, Tensor
from cfukit_tools.firmware.inputs import InputSet, accuracy, choose_inputs, load_inputs, random_inputs


def model(*tensors: tuple[tuple[int, ...], type]) -> Model:
    listed = tuple(
        Tensor(index, f"t{index}", shape, np.dtype(dtype).name)
        for index, (shape, dtype) in enumerate(tensors)
    )
    return Model("m", "", listed, (), tuple(range(len(listed))), (0,))


ONE = model(((1, 4), np.int8))


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_a_set_is_read_with_resets_and_labels(tmp_path: Path) -> None:
    path = save(
        tmp_path / "s.npz",
        in0=np.arange(8).reshape(2, 4),
        labels=np.array([1, 2]),
        reset_before=np.array([1, 0]),
        out0=np.zeros(3),
    )
    inputs = load_inputs(path, ONE)
    assert len(inputs) == 2
    assert inputs.arrays[0].dtype == np.int8 and inputs.arrays[0].shape == (2, 1, 4)
    assert inputs.labels is not None and inputs.labels.tolist() == [1, 2]
    assert inputs.reset_before.tolist() == [True, False]
    assert inputs.first(1).arrays[0].tolist() == [[[0, 1, 2, 3]]]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"in1": np.zeros((1, 4), np.int8)}, "has no 'in0'"),
        ({"in0": np.zeros((2, 5), np.int8)}, r"'in0' has shape \(2, 5\); \[n, 1, 4\]"),
        ({"in0": np.zeros((0, 4), np.int8)}, "numbers of samples are 0"),
        ({"in0": np.full((1, 4), 300)}, "'in0' is int64; values of int8"),
        ({"in0": np.full((1, 4), 0.5)}, "'in0' is float64; values of int8"),
        ({"in0": np.full((1, 4), np.nan)}, "'in0' is float64; values of int8"),
        ({"in0": np.full((1, 4), "a")}, "'in0' is <U1; values of int8"),
        ({"in0": np.array(5)}, r"'in0' has shape \(\); \[n, 1, 4\]"),
        (
            {"in0": np.zeros((2, 4), np.int8), "in1": np.zeros(1)},
            "has an array 'in1'; the model's inputs are in0;",
        ),
        (
            {"in0": np.zeros((2, 4), np.int8), "label": np.zeros(2)},
            "has an array 'label'; .* labels and reset_before",
        ),
        ({"in0": np.zeros((2, 4), np.int8), "labels": [3, 4]}, "'labels' of sample 1 is 4; 0 to 3"),
        ({"in0": np.zeros((2, 4), np.int8), "labels": [-1, 3]}, "'labels' of sample 0 is -1; 0 to 3"),
        (
            {"in0": np.zeros((2, 4), np.int8), "labels": [0.5, 1]},
            "'labels' is float64; whole numbers, 0 to 3",
        ),
        ({"in0": np.zeros((2, 4), np.int8), "labels": ["a", "b"]}, "'labels' is <U1; whole numbers"),
        (
            {"in0": np.zeros((2, 4), np.int8), "reset_before": [1, 2]},
            "'reset_before' of sample 1 is 2; 0 to 1",
        ),
        ({"in0": np.zeros((2, 4), np.int8), "labels": np.zeros(3)}, r"'labels' has shape \(3,\); \(2,\)"),
        ({"in0": np.zeros((2, 4), np.int8), "reset_before": np.zeros(1)}, "'reset_before' has shape"),
    ],
)
def test_a_set_that_does_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load_inputs(save(tmp_path / "s.npz", **arrays), ONE)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"text"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.npz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"is not a readable \.npz"):
        load_inputs(path, ONE)
    with pytest.raises(UsageError, match="no such file"):
        load_inputs(tmp_path / "gone.npz", ONE)


def test_one_array_is_no_set(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.zeros((1, 4), np.int8))
    with pytest.raises(UsageError, match=r"one array without a name; an .npz \(numpy.savez"):
        load_inputs(tmp_path / "s.npy", ONE)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_chunks_cover_all_samples_and_cut_only_at_resets(resets: list[bool]) -> None:
    count = len(resets)
    inputs = InputSet((np.zeros((count, 1), np.int8),), np.array(resets), None, "")
    chunks = list(inputs.chunks())
    assert [number for chunk in chunks for number in chunk] == list(range(count))
    assert all(resets[chunk.start] for chunk in chunks[1:])
    if all(resets):
        assert all(len(chunk) <= 10 for chunk in chunks)


def test_random_inputs_follow_the_seed_and_the_types() -> None:
    mixed = model(((1, 500), np.int8), ((2, 3), np.int16), ((4,), np.float32))
    one, same, other = random_inputs(mixed, 3, 1), random_inputs(mixed, 3, 1), random_inputs(mixed, 3, 2)
    assert one.sha256 == same.sha256 != other.sha256
    assert [array.dtype for array in one.arrays] == [np.int8, np.int16, np.float32]
    assert {-128, 127} <= set(one.arrays[0][0].ravel().tolist())
    assert set(one.arrays[0][1].ravel().tolist()) == {-128, 127}


def test_the_default_set_is_the_heldout_one(tmp_path: Path) -> None:
    heldout = save(tmp_path / "h.npz", in0=np.zeros((30, 4), np.int8))
    assert len(choose_inputs(ONE, None, heldout, 0, 0)) == 20
    assert len(choose_inputs(ONE, None, heldout, 25, 0)) == 25
    assert len(choose_inputs(ONE, heldout, None, 0, 0)) == 30
    assert len(choose_inputs(ONE, None, None, 0, 0)) == 1
    with pytest.raises(UsageError, match=r"--samples: 31; .*h\.npz has 30"):
        choose_inputs(ONE, heldout, None, 31, 0)
    with pytest.raises(UsageError, match="--samples: -1; 0 or more"):
        choose_inputs(ONE, None, heldout, -1, 0)
    with pytest.raises(UsageError, match="--seed: -1; 0 or more"):
        choose_inputs(ONE, None, heldout, 0, -1)


def test_accuracy_counts_the_largest_output() -> None:
    outputs = [np.array([[1, 5]]), np.array([[7, 5]])]
    assert accuracy(outputs, np.array([1, 1])) == 0.5
    assert accuracy(outputs, None) is None
