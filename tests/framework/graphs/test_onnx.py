"""ONNX files as models: calls, weights, copies, files, training; ONNX's own cases."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

import isozoo
from isozoo.framework.graphs import ForeignGraph, GraphError
from isozoo.ops import convert_to_numpy
from isozoo.scripts.judge_onnx import cases, judged
from isozoo.scripts.onnx_contrib import contrib_cases

from . import onnx_nets

# One for each kind of operator, and for each way in which one may go wrong.
SAMPLE = """
add_bcast and2d argmax_keepdims_random_select_last_index averagepool_2d_ceil
averagepool_2d_precomputed_pads_count_include_pad basic_conv_with_padding batchnorm_epsilon
strnormalizer_nostopwords_nochangecase cast_FLOAT_to_INT4 castlike_FLOAT16_to_FLOAT8E4M3FN
clip_default_min
center_crop_pad_crop_and_pad col2im_pads concat_3d_axis_negative_3 constantofshape_int_zeros
conv_with_autopad_same convtranspose_output_shape cumsum_1d_reverse_exclusive
deform_conv_with_mask_bias depthtospace_crd_mode_example dequantizelinear_blocked dft_irfft
div_int8 dynamicquantizelinear_max_adjusted einsum_inner_prod expand_dim_changed
gather_elements_negative_indices gathernd_example_int32_batch_dim1 gemm_all_attributes
gridsample_bicubic gru_batchwise hardmax_one_hot if if_opt instancenorm_epsilon isinf_negative
layer_normalization_3d_axis1_epsilon loop11 loop16_seq_none lstm_with_peepholes
maxpool_2d_dilations maxpool_with_argmax_2d_precomputed_strides mod_mixed_sign_int32
nllloss_NCd1d2_with_weight_reduction_mean nonmaxsuppression_suppress_by_IOU
onehot_negative_indices optional_get_element_optional_sequence pow_types_int64_float32
prelu_broadcast qlinearconv quantizelinear_axis range_int32_type_negative_delta
reduce_log_sum_exp_negative_axes_keepdims_random reshape_zero_and_negative_dim
resize_downsample_scales_cubic_antialias resize_upsample_sizes_nearest_not_larger
reversesequence_batch rms_normalization_2d_axis1 roialign_mode_max rotary_embedding scan9_sum
scatter_elements_with_reduction_max sequence_map_add_1_sequence_1_tensor slice_neg_steps
split_variable_parts_2d_opset18 stft_with_window string_split_maxsplit
tfidfvectorizer_tf_only_bigrams_skip0
top_k_smallest training_dropout_zero_ratio tril_one_row_neg unique_sorted_with_axis_3d
""".split()


@pytest.fixture(scope="module")
def net():
    """(file, inputs, onnxruntime's outputs)."""
    proto = onnx_nets.convolutional()
    x = np.random.default_rng(1).standard_normal((2, 3, 6, 6)).astype(np.float32)
    return proto.SerializeToString(), x, onnx_nets.expected(proto, {"x": x})


def assert_near(found, wanted):
    """Within 20 roundings of float32 of the output's scale: a sum of 36 products."""
    for name, y in wanted.items():
        x = np.asarray(convert_to_numpy(found[name]))
        assert x.shape == y.shape and x.dtype == y.dtype
        assert np.abs(x - y).max() <= 20 * 2.0**-24 * np.abs(y).max(), name


def test_a_file_computes_what_onnxruntime_does(backend, net):
    raw, x, wanted = net
    model = isozoo.from_onnx(raw)
    assert model.backend == backend
    assert_near(model(x), wanted)
    assert_near(model({"x": x}), wanted)
    assert_near(model.predict(x, verbose=0), wanted)
    longer = model(np.concatenate([x, x[:1]]))
    assert tuple(longer["y"].shape) == (3, 5)


def test_weights_bear_the_names_of_their_origin(net):
    model = isozoo.from_onnx(net[0], "torch")
    names = {"conv.weight", "conv.bias", "scale", "shift", "mean", "variance"}
    assert set(model.state_dict()) == names | {"fc.weight", "fc.bias"}
    held = {path: v.trainable for path, v in model.named_variables()}
    assert {path for path, trains in held.items() if not trains} == {"mean", "variance"}
    doubled = {name: 2 * tensor for name, tensor in model.state_dict().items()}
    model.load_state_dict(doubled)
    found = model.weights_by_path()["conv.bias"].numpy()
    assert np.array_equal(found, doubled["conv.bias"].numpy())


def test_a_model_moves_between_backends_and_to_float64(net):
    raw, x, wanted = net
    model = isozoo.from_onnx(raw, "numpy")
    assert_near(model.to_backend("torch")(x), wanted)
    exact = model.to_backend("numpy", dtype="float64")(x)
    assert exact["y"].dtype == np.float64
    assert np.abs(exact["y"] - wanted["y"]).max() < 20 * 2.0**-24 * np.abs(wanted["y"]).max()


@pytest.mark.parametrize("backend", ["torch", "tensorflow"], indirect=True)
def test_a_saved_model_opens_again(backend, net, tmp_path):
    raw, x, wanted = net
    isozoo.from_onnx(raw).save(tmp_path / "net.safetensors")
    again = isozoo.saving.load_model(tmp_path / "net.safetensors")
    assert type(again).__name__ == "GraphModel"
    assert_near(again(x), wanted)


def test_training_changes_weights_and_follows_statistics(net):
    raw, x, _ = net
    model = isozoo.from_onnx(raw, "torch")
    before = {path: v.numpy() for path, v in model.named_variables()}
    loss = {"y": "mse", "probabilities": None}
    model.compile(optimizer=isozoo.optimizers.SGD(0.1), loss=loss)
    model.fit(x, {"y": np.zeros((2, 5), np.float32)}, epochs=1, verbose=0)
    after = {path: v.numpy() for path, v in model.named_variables()}
    # A bias before a normalization has no gradient but for rounding.
    assert [p for p in before if np.array_equal(before[p], after[p]) and p != "conv.bias"] == []
    # 0.9 of the old mean and 0.1 of the batch's (ONNX's default momentum).
    import torch

    kernel, bias = (torch.tensor(before[f"conv.{name}"]) for name in ("weight", "bias"))
    batch = torch.nn.functional.conv2d(torch.tensor(x), kernel, bias, padding=1).mean((0, 2, 3))
    wanted = 0.9 * before["mean"] + 0.1 * batch.numpy()
    assert np.allclose(after["mean"], wanted, atol=1e-6)


def test_values_inside_are_had_by_name(net):
    model = isozoo.from_onnx(net[0], "numpy")
    inside = model.features(net[1], ["c", "r"])
    assert inside["r"].shape == (2, 4, 6, 6) and (inside["r"] >= 0).all()
    with pytest.raises(GraphError, match="no value 'nowhere'"):
        model.features(net[1], "nowhere")
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert "conv.weight [4, 3, 3, 3]" in lines[0]


def test_inputs_that_do_not_fit_are_named(net):
    model = isozoo.from_onnx(net[0], "numpy")
    with pytest.raises(GraphError, match=r"shape \(2, 3, 5, 6\); \(batch, 3, 6, 6\)"):
        model(np.zeros((2, 3, 5, 6), np.float32))
    with pytest.raises(GraphError, match="no input 'z'; it has 'x'"):
        model({"z": net[1]})
    with pytest.raises(GraphError, match="int32; float32 is expected"):
        model(np.zeros((2, 3, 6, 6), np.int32))


def test_a_graph_is_the_same_after_json(net):
    import json

    graph = isozoo.from_onnx(net[0], "numpy").graph
    again = ForeignGraph.from_json(json.loads(json.dumps(graph.to_json(), allow_nan=False)))
    assert again.to_json() == graph.to_json()


@pytest.fixture(scope="module")
def node_cases():
    """Name -> case, of those that ONNX's package makes."""
    with np.errstate(all="ignore"):  # its expected values are infinite, too
        return {case.name.removeprefix("test_"): case for case in cases(("node",))}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_case_of_onnx_passes(backend, node_cases, name):
    assert judged(node_cases[name], backend) == ("passed", "")


@pytest.mark.parametrize("backend", ["jax"], indirect=True)
def test_sizes_that_a_graph_computes_are_numbers_when_it_is_compiled(backend, net):
    raw, x, wanted = net
    assert_near(isozoo.from_onnx(raw).infer(x), wanted)


@pytest.fixture(scope="module")
def contrib():
    """Cases of onnxruntime's operators, and what it computes of them."""
    return list(contrib_cases(seeds=1))


def test_operators_of_onnxruntime(backend, contrib):
    chosen = contrib if backend == "numpy" else contrib[::12]
    for name, proto, given, wanted in chosen:
        found = isozoo.from_onnx(proto.SerializeToString())(given)
        found = list(found.values()) if isinstance(found, dict) else [found]
        for x, y in zip(found, wanted, strict=True):
            x = convert_to_numpy(x)
            assert x.shape == y.shape, name
            assert np.abs(x - y).max() <= 1e-5 * max(np.abs(y).max(), 1), name


def test_packed_heads_are_those_that_lie_apart():
    """onnxruntime takes these forms on GPUs alone."""
    query, key, value = np.random.default_rng(0).standard_normal((3, 2, 5, 4, 8)).astype("float32")

    def attend(*arrays):
        node = helper.make_node(
            "MultiHeadAttention",
            [f"x{n}" for n in range(len(arrays))],
            ["y"],
            domain="com.microsoft",
            num_heads=4,
        )
        inputs = [onnx_nets.value(f"x{n}", x.shape) for n, x in enumerate(arrays)]
        opsets = [helper.make_opsetid("com.microsoft", 1)]
        proto = onnx_nets.model([node], inputs, [onnx_nets.value("y", None)], opsets=opsets)
        return isozoo.from_onnx(proto.SerializeToString(), "numpy")(list(arrays))

    apart = attend(*(x.reshape(2, 5, 32) for x in (query, key, value)))
    assert np.allclose(attend(np.stack([query, key, value], 3)), apart, atol=1e-6)
    pairs = attend(query.reshape(2, 5, 32), np.stack([key, value], 3))
    assert np.allclose(pairs, apart, atol=1e-6)
