"""Bad calls of neural-network ops."""

from __future__ import annotations

import numpy as np

from .table import bad, floats

IMAGE, KERNEL = floats(2, 5, 6, 4), floats(3, 3, 4, 2)
INTEGERS = np.ones((2, 3), np.int32)

for name in ("softmax", "log_softmax", "sparsemax", "glu", "normalize", "layer_normalization"):
    bad(name, floats(2, 3), axis=2, names="axis 2")
bad("softmax", floats(2, 3), axis=(0, 0), names="axis (0, 0)")
bad("rms_normalization", floats(2, 3), axis=1.5, names="axis 1.5")
bad("glu", floats(2, 3), names="x (2, 3) even")
bad("soft_shrink", floats(3), -1.0, names="threshold -1.0")
bad("hard_shrink", floats(3), -1.0, names="threshold -1.0")
bad("moments", floats(2, 3), axes=(0, 5), names="axes 5")
bad("normalize", floats(2, 3), order=0, names="order 0")
bad("normalize", floats(2, 3), order=1.5, names="order 1.5")
bad("psnr", floats(2, 3), floats(3, 2), 1.0, names="x1 (2, 3) (3, 2)")
bad("batch_normalization", floats(2, 3), floats(4), floats(4), -1, names="mean (4,) 3")
bad("batch_normalization", floats(2, 3), floats(3), floats(3), 2, names="axis 2")
bad("conv", IMAGE, floats(3, 3, 3, 2), names="kernel 4 channels (3, 3, 3, 2)")
bad("conv", floats(2, 5, 4), KERNEL, names="inputs (2, 5, 4)")
bad("conv", IMAGE, floats(6, 3, 4, 2), names="kernel (5, 6)")
bad("conv", IMAGE, KERNEL, padding="full", names="padding 'full' 'same'")
bad("conv", IMAGE, KERNEL, strides=(1, 1, 1), names="strides (1, 1, 1)")
bad("conv", IMAGE, KERNEL, bias=floats(4), names="bias (4,) (2,)")
bad("conv", IMAGE, KERNEL, data_format="last", names="data_format 'last' channels_first")
bad("depthwise_conv", IMAGE, floats(3, 3, 3, 2), names="kernel 4 channels")
bad("separable_conv", IMAGE, KERNEL, floats(1, 1, 4, 2), names="kernel 8 channels")
bad("conv_transpose", IMAGE, floats(3, 3, 2, 3), names="kernel 4 channels (3, 3, 2, 3)")
bad("conv_transpose", IMAGE, floats(3, 3, 2, 4), padding=((1, 1), (1, 1)), names="padding")
for name in ("max_pool", "average_pool"):
    bad(name, IMAGE, (6, 2), names="pool_size (6, 2) (5, 6)")
    bad(name, floats(2, 4), 2, names="inputs (2, 4) spatial")
for name in ("adaptive_max_pool", "adaptive_average_pool"):
    bad(name, IMAGE, 0, names="output_size 0")
    bad(name, IMAGE, (2, 2, 2), names="output_size (2, 2, 2)")
bad("unfold", floats(2, 3, 4), 2, names="x (2, 3, 4) 4 axes")
bad("unfold", floats(1, 2, 3, 4), 4, names="kernel_size 4 (3, 4)")
bad("fold", floats(1, 8, 4), (5, 5), 2, stride=2, names="x (1, 8, 4)", dilation=3)
bad("fold", floats(1, 9, 4), (4, 4), 2, stride=2, names="x (1, 9, 4) 4 cells")
bad("depth_to_space", floats(1, 2, 2, 6), 2, names="x (1, 2, 2, 6) 4 channels")
bad("depth_to_space", floats(1, 2, 2, 8), 1, names="block_size 1")
bad("space_to_depth", floats(1, 3, 2, 2), 2, names="x (1, 3, 2, 2)")
bad("space_to_depth", floats(2, 2, 2), 2, names="x (2, 2, 2) 4 axes")
bad("binary_crossentropy", floats(2, 3), floats(2, 4), names="target (2, 3) (2, 4)")
bad("categorical_crossentropy", floats(2, 3), floats(3, 2), names="target (2, 3) (3, 2)")
bad("categorical_crossentropy", floats(2, 3), floats(2, 3), axis=2, names="axis 2")
bad("sparse_categorical_crossentropy", INTEGERS, floats(2, 4), names="target (2, 3)")
bad("one_hot", INTEGERS, 3, axis=4, names="axis 4")
bad("multi_hot", INTEGERS, names="num_classes None")
bad("ctc_loss", INTEGERS, floats(2, 4), np.ones(2, np.int32), np.ones(2, np.int32),
    names="output (2, 4) 3 axes")  # fmt: skip
bad("ctc_loss", INTEGERS, floats(2, 4, 5), np.ones(3, np.int32), np.ones(2, np.int32),
    names="target_length (3,) 2")  # fmt: skip
bad("ctc_loss", INTEGERS, floats(2, 4, 5), np.ones(2, np.int32), np.ones(2, np.int32),
    mask_index=5, names="mask_index 5")  # fmt: skip
bad("ctc_decode", floats(2, 4, 5), np.ones(2, np.int32), "best", names="strategy 'best' 'greedy'")
bad("ctc_decode", floats(2, 4, 5), np.ones(2, np.int32), "beam_search", 3, 4, names="top_paths 4 3")
bad("dot_product_attention", *[floats(2, 3, 4)] * 3, names="query (2, 3, 4) 4 axes")
bad("dot_product_attention", floats(2, 3, 4, 5), *[floats(2, 3, 3, 5)] * 2,
    names="key (2, 3, 3, 5) 4")  # fmt: skip
HEADS = floats(1, 2, 4, 3)
bad("cached_attention", HEADS, floats(1, 2, 3, 3), floats(1, 2, 3, 3), floats(1, 2, 6, 3),
    floats(1, 2, 6, 3), 0, names="key 2 heads 4")  # fmt: skip
bad("turn_halves", floats(2, 3), floats(3), floats(3), names="x (2, 3) even")
