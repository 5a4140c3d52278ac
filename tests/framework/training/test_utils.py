"""What programs use around training: one-hot vectors, unit vectors, packed batches, messages."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import utils
from isozoo.framework.utils import messages


def test_numbers_of_classes_become_one_hot(backend):
    expected = np.eye(4)[[0, 3, 1]]
    for x in ([0, 3, 1], np.array([[0], [3], [1]]), [[0], [3], [1]]):
        np.testing.assert_array_equal(utils.to_categorical(x), expected)
    tensor = isozoo.ops.convert_to_tensor(np.array([[0], [3], [1]]))
    made = utils.to_categorical(tensor, 4)
    assert isozoo.ops.is_tensor(made)
    np.testing.assert_array_equal(isozoo.ops.convert_to_numpy(made), expected)
    with pytest.raises(ValueError, match="below num_classes=3; they go from 0 to 3"):
        utils.to_categorical([0, 3], 3)


def test_vectors_get_the_length_1(backend):
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_array_equal(utils.normalize(x), [[0.6, 0.8], [0, 0]])
    np.testing.assert_array_equal(utils.normalize(x, axis=0, order=1), [[1, 1], [0, 0]])
    made = utils.normalize(isozoo.ops.convert_to_tensor(x), order=1)
    np.testing.assert_allclose(isozoo.ops.convert_to_numpy(made), [[3 / 7, 4 / 7], [0, 0]], 1e-6)


@pytest.mark.parametrize(
    ("given", "packed"),
    [((1,), 1), (([1],), ([1],)), ((1, 2), (1, 2)), ((1, 2, 3), (1, 2, 3)), ((1, None), 1)],
)
def test_batches_are_packed_and_unpacked(given, packed):
    assert utils.pack_x_y_sample_weight(*given) == packed
    x, *rest = (*given, None, None)[:3]
    assert utils.unpack_x_y_sample_weight(packed) == (x, *rest)


def test_a_batch_of_four_is_explained():
    with pytest.raises(ValueError, match="found: 4 items"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_messages_go_to_the_log_where_no_bars_are_wanted(capsys, caplog):
    messages.print_message("shown")
    utils.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", "isozoo"):
            messages.print_message("logged")
    finally:
        utils.enable_interactive_logging()
    assert capsys.readouterr().out == "shown\n" and caplog.messages == ["logged"]
    with pytest.raises(ValueError, match="valid level"):
        messages.set_logging_verbosity("LOUD")


def test_what_the_output_cannot_encode_is_shown_as_question_marks(monkeypatch, tmp_path):
    with open(tmp_path / "out.txt", "w", encoding="cp1251") as out:
        monkeypatch.setattr("sys.stdout", out)
        messages.print_message("a ━")
        monkeypatch.undo()
    assert (tmp_path / "out.txt").read_text() == "a ?\n"


def test_a_layer_makes_variables_by_keras_s_other_name(backend):
    layer = isozoo.layers.Dense(2)
    made = layer.add_variable((3,), "ones", trainable=False, name="count")
    assert made.numpy().tolist() == [1, 1, 1] and not made.trainable and made.name == "count"
    optimizer = isozoo.optimizers.SGD(0.5)
    optimizer.learning_rate = 0.25
    assert [path for path, _ in optimizer.named_variables()] == ["iteration", "learning_rate"]
