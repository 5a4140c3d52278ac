"""Reading sound: against soundfile's own writer, and with damaged files."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from isozoo.nlp.audio import AudioError, load_audio

RATE = 16000


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype("f4")


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_reads_what_was_written(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, tone(0.3, RATE), RATE, subtype="PCM_16")
    np.testing.assert_allclose(load_audio(path), tone(0.3, RATE), atol=2**-15)


def test_averages_channels(tmp_path):
    left, right = tone(0.1, RATE), tone(0.1, RATE, 1000.0)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_resamples(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(1.0, rate), rate, subtype="FLOAT")
    samples = load_audio(tmp_path / "a.wav")
    assert samples.shape == (RATE,) and samples.dtype == np.float32
    # Away from the ends, where the sound starts and stops, the same tone.
    np.testing.assert_allclose(samples[2000:-2000], tone(1.0, RATE)[2000:-2000], atol=1e-3)


def test_scales_integers():
    samples = np.array([-32768, 0, 16384], np.int16)
    np.testing.assert_array_equal(load_audio(samples), np.float32([-1.0, 0.0, 0.5]))


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_truncated_file_is_an_error(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).uniform(-1, 1, 2 * RATE)
    soundfile.write(path, noise, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="cut short|damaged"):
        load_audio(path)


def test_every_truncation_of_a_wav_is_an_error(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.01, RATE), RATE)
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(AudioError, match=r"a\.wav"):
            load_audio(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"not a sound at all", "not a sound file"), (None, "no such file")],
)
def test_unreadable_files(tmp_path, content, message):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=message):
        load_audio(path)


def test_a_file_without_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), RATE)
    with pytest.raises(AudioError, match="no samples"):
        load_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.zeros((2, 8), np.float32), "mono"),
        (np.array([0.0, np.nan]), "NaN"),
        (np.array([True, False]), "float or signed"),
    ],
)
def test_bad_waveforms(samples, message):
    with pytest.raises(AudioError, match=message):
        load_audio(samples)


@pytest.mark.parametrize(
    "given",
    [
        lambda samples: (8000, samples),
        lambda samples: (np.int64(8000), samples),
        lambda samples: {"array": samples, "sampling_rate": 8000},
        lambda samples: {"raw": samples, "sampling_rate": 8000, "path": None},
    ],
)
def test_waveforms_that_tell_their_rate(given):
    samples = tone(1.0, 8000)
    expected = load_audio(samples, RATE, 8000)
    assert expected.shape == (RATE,)
    np.testing.assert_allclose(expected[2000:-2000], tone(1.0, RATE)[2000:-2000], atol=1e-3)
    np.testing.assert_array_equal(load_audio(given(samples)), expected)


def test_tensors_lists_and_open_files(tmp_path, backend):
    import isozoo

    samples = tone(0.1, RATE)
    np.testing.assert_array_equal(load_audio(isozoo.ops.convert_to_tensor(samples)), samples)
    np.testing.assert_array_equal(load_audio(samples[:5].tolist()), samples[:5])
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with open(tmp_path / "a.wav", "rb") as file:
        np.testing.assert_array_equal(load_audio(file), samples)


@pytest.mark.parametrize(
    ("source", "rate", "message"),
    [
        ((8000, tone(0.1, 8000)), 16000, "8000 samples per second, `sample_rate` says 16000"),
        ((0, tone(0.1, 8000)), None, "positive whole number; got 0"),
        (tone(0.1, 8000), 8000.5, "positive whole number; got 8000.5"),
        ({"array": tone(0.1, 8000)}, None, "holds \"array\".*got 'array'"),
        ({}, None, "got nothing"),
        (object(), None, "Expected the path of a sound file.*got object"),
        (None, None, "got NoneType"),
    ],
)
def test_what_is_no_sound_is_told(source, rate, message):
    with pytest.raises(AudioError, match=message):
        load_audio(source, RATE, rate)


def test_an_open_file_that_is_no_sound(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"nothing of the kind" * 9)
    with open(tmp_path / "a.wav", "rb") as file, pytest.raises(AudioError, match="no sound file"):
        load_audio(file)
