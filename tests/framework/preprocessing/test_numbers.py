"""Normalization, Discretization, CategoryEncoding and spectrograms against Keras's."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import isozoo
from isozoo import layers

from .helpers import host, mapped

EPS = np.finfo("float32").eps
VALUES = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
SOUND = np.random.default_rng(1).normal(size=(2, 200)).astype("float32")
IDS = np.array([[0, 1, 1], [2, 3, 0]])


def test_normalization(backend):
    mean, deviation = VALUES.mean(0), VALUES.std(0)
    wanted = (VALUES - mean) / deviation
    sources = (
        VALUES,
        tf.data.Dataset.from_tensor_slices(VALUES).batch(5),
        [VALUES[:4], VALUES[4:]],
        ((VALUES[i : i + 5], i) for i in (0, 5, 10)),
    )
    for source in sources:
        layer = layers.Normalization()
        layer.adapt(source)
        # The mean is near 0 beside values of size 1, so roundings of the values count.
        np.testing.assert_allclose(host(layer(VALUES)), wanted, atol=16 * EPS)
    np.testing.assert_allclose(mapped(layer, VALUES), wanted, atol=16 * EPS)
    back = layers.Normalization(mean=mean, variance=deviation**2, invert=True)
    np.testing.assert_allclose(host(back(wanted)), VALUES, atol=16 * EPS)
    np.testing.assert_allclose(mapped(back, wanted), VALUES, atol=16 * EPS)
    whole = layers.Normalization(axis=None, mean=1.0, variance=4.0)
    np.testing.assert_allclose(host(whole(VALUES)), (VALUES - 1) / 2, rtol=2 * EPS, atol=EPS)
    again = layers.Normalization.from_config(back.get_config())
    np.testing.assert_array_equal(host(again(wanted)), host(back(wanted)))
    with pytest.raises(ValueError, match="incompatible shape"):
        layer.adapt(VALUES[:, :2])


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_wrong_arguments(backend):
    for make, words in (
        (lambda: layers.Normalization(mean=1.0), "both `mean` and `variance`"),
        (lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0]), "same shape"),
        (lambda: layers.Normalization(axis=3).build((2, 2)), "must be in the range"),
        (lambda: layers.Normalization().build((2, None)), "known shape"),
        (lambda: layers.Normalization().adapt(iter([])), "empty iterable"),
        (lambda: layers.Discretization(), "either `num_bins` or"),
        (lambda: layers.Discretization([0.0], 3), "should not be set"),
        (lambda: layers.Discretization(num_bins=2)(VALUES), "adapt"),
        (lambda: layers.Discretization([0.0]).adapt(VALUES), "Cannot adapt"),
        (lambda: layers.CategoryEncoding(), "num_tokens must be set"),
        (lambda: layers.CategoryEncoding(0), ">= 1"),
        (lambda: layers.CategoryEncoding(2, "x"), "output_mode"),
        (lambda: layers.CategoryEncoding(4)(IDS, count_weights=IDS), "not used when"),
        (lambda: layers.MelSpectrogram(fft_length=4, sequence_length=8), "greater than"),
        (lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9), "frame_step"),
        (lambda: layers.STFTSpectrogram(mode="x"), "Output mode"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
    with pytest.raises(TypeError, match="Unsupported data type"):
        layers.Normalization().adapt(3)


def test_discretization(backend):
    """By NumPy's digitize; what is learned, by Keras."""
    theirs = keras.layers.Discretization(num_bins=4)
    theirs.adapt(VALUES)
    layer = layers.Discretization(num_bins=4)
    layer.adapt(VALUES)
    bounds = theirs.get_config()["bin_boundaries"]
    np.testing.assert_allclose(list(layer.bin_boundaries), bounds, rtol=4 * EPS)
    bins = np.digitize(VALUES, np.array(bounds, "float32"))
    np.testing.assert_array_equal(host(layer(VALUES)), bins)
    np.testing.assert_array_equal(mapped(layer, VALUES), bins)
    again = layers.Discretization.from_config(layer.get_config())
    np.testing.assert_array_equal(host(again(VALUES)), bins)
    hot = layers.Discretization(bounds, output_mode="one_hot")
    assert hot(isozoo.Input((3,))).shape == (None, 3, 4)
    np.testing.assert_array_equal(host(hot(VALUES)), np.eye(4)[bins])
    counts = layers.Discretization(bounds, output_mode="count")
    np.testing.assert_array_equal(host(counts(VALUES)), np.eye(4)[bins].sum(1))


def test_category_encoding(backend):
    hot = np.eye(4)[IDS]
    for mode, wanted in (
        ("one_hot", hot),
        ("multi_hot", hot.max(1)),
        ("count", hot.sum(1)),
    ):
        layer = layers.CategoryEncoding(4, mode)
        np.testing.assert_array_equal(host(layer(IDS)), wanted)
        np.testing.assert_array_equal(mapped(layer, IDS), wanted)
        assert layer(isozoo.Input((3,), dtype="int32")).shape == (None, *wanted.shape[1:])
    weights = np.array([[0.5, 1, 2], [4, 8, 0.25]])
    found = layers.CategoryEncoding(4, "count")(IDS, count_weights=weights)
    np.testing.assert_array_equal(host(found), (hot * weights[..., None]).sum(1))


@functools.cache
def mel() -> np.ndarray:
    options = {"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 8}
    return keras.layers.MelSpectrogram(**options)(SOUND).numpy()


def test_mel_spectrogram(backend):
    layer = layers.MelSpectrogram(fft_length=64, sequence_stride=16, num_mel_bins=8)
    # Decibels of float32 powers: a relative error of n roundings is 10 n eps / ln 10 decibels.
    close = {"atol": 80 * EPS * 10, "rtol": 8 * EPS}
    np.testing.assert_allclose(host(layer(SOUND)), mel(), **close)
    np.testing.assert_allclose(mapped(layer, SOUND), mel(), **close)
    assert layer(isozoo.Input((200,))).shape == (None, *mel().shape[1:])
    assert layer(isozoo.Input((None,))).shape == (None, 8, None)


def framed(mode: str) -> np.ndarray:
    """The transform of Hann frames by NumPy, scaled by the window's norm: (frames, frequencies)."""
    window = np.hanning(32)
    starts = range(0, 200 - 32 + 1, 10)
    frames = np.stack([SOUND[0, s : s + 32] * window for s in starts])
    found = np.fft.rfft(frames, 32) / np.sqrt((window**2).sum())
    if mode == "psd":
        both = np.ones(17)
        both[1:-1] = 2
        return np.abs(found) ** 2 * both
    if mode == "stft":
        return np.concatenate([found.real, found.imag], -1)
    return {"magnitude": np.abs(found), "real": found.real, "imag": found.imag}[mode]


def test_stft_spectrogram(backend):
    for mode in ("psd", "stft", "real", "imag"):
        wanted = framed(mode)
        layer = layers.STFTSpectrogram(mode, frame_length=32, frame_step=10)
        found = layer(SOUND[:1, :, None])
        # Sums of 32 products of numbers of size 1.
        np.testing.assert_allclose(host(found)[0], wanted, atol=64 * EPS, rtol=64 * EPS)
        assert layer(isozoo.Input((200, 1))).shape == (None, *wanted.shape)
        assert layer(isozoo.Input((None, 1))).shape == (None, None, wanted.shape[1])
    first = layers.STFTSpectrogram(
        "psd", 32, 10, expand_dims=True, data_format="channels_first", padding="valid"
    )
    found = host(first(np.stack([SOUND[0], SOUND[0]])[None]))
    assert found.shape == (1, 2, *framed("psd").shape)
    np.testing.assert_allclose(found[0, 1], framed("psd"), atol=64 * EPS, rtol=64 * EPS)
    with pytest.raises(TypeError, match="Invalid input type"):
        first(np.ones((1, 1, 200), "int32"))
