"""Speech to text: sound in, a transcript out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...framework import ops
from ...framework.config import use_backend
from ...framework.typing import Tensor
from ..audio import load_audio
from ..generation.options import GenerationOptions
from ..generation.sizes import CacheSizes
from ..generation.steps import CachedStep
from ..generation.writing import answers, last_of, write
from ..speech import Audio, AudioToText, Transcript
from .backbone import WhisperBackbone
from .decoding import most_likely_language, transcribe
from .fallback import Fallback
from .features import CHUNK_FRAMES, HOP_SAMPLES, SAMPLE_RATE
from .languages import language_code
from .preprocessing import WhisperAudioToTextPreprocessor

# Most transcripts of 30 s are shorter; a compiled step is made for each capacity in use.
_CAPACITIES = (128,)
_DEFAULT = Fallback()


class WhisperAudioToText(AudioToText):
    """Whisper as a writer of transcripts.

    The call itself gives logits, (batch, length, vocabulary), for the inputs of WhisperBackbone.

    Args:
        **config: arguments of WhisperBackbone.

    Attributes:
        cache_sizes: how long caches are made, and how prompts are cut.
    """

    def __init__(self, *, dtype: str | None = None, name: str | None = None, **config: Any) -> None:
        super().__init__(dtype=dtype, name=name)
        self.backbone = WhisperBackbone(**config)
        self.cache_sizes = CacheSizes(
            self.backbone.max_tokens, _CAPACITIES, padded=self._backend.compiles
        )
        self.built = True

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for token ids that are not in the vocabulary."""
        self.backbone.check_inputs(inputs)

    def call(self, inputs: Any) -> Tensor:
        """Returns the scores of each next token before softmax, (batch, length, vocabulary).

        Args:
            inputs: those of WhisperBackbone: a dict of `encoder_features`, (batch, frames,
                num_mels), and `decoder_token_ids`, int (batch, length).
        """
        outputs = self.backbone(inputs)
        return self.backbone.decoder.logits(outputs["decoder_sequence_output"])

    def transcribe(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        audio: Audio,
        *,
        sample_rate: int | None = None,
        language: str | None = None,
        task: str = "transcribe",
        timestamps: bool | None = None,
        condition_on_previous: bool = True,
        fallback: Fallback | None = _DEFAULT,
    ) -> Transcript:
        """Writes down what is said in a sound of any length.

        Args:
            audio: a path, an open file, a mono waveform `[samples]` (an array or a tensor), a pair
                (samples a second, waveform), or a dict with "array" and "sampling_rate".
            sample_rate: samples a second of a waveform that does not tell; 16,000 if None.
            language: code or English name; None to let a multilingual model tell.
            task: `"transcribe"`, or `"translate"` (to English).
            timestamps: whether the model marks its segments' times. None: where there is more
                than one window of 30 s, which needs them.
            condition_on_previous: whether a window is told the text of those before it.
            fallback: when a window holds no speech, and when its text is drawn again; None for
                plain greedy decoding of every window.

        Raises:
            AudioError: the sound cannot be read.
            ValueError: an unknown language or task, or one that the model does not have; long
                sound without timestamps.
        """
        tools = self._tools()
        sound = load_audio(audio, SAMPLE_RATE, sample_rate)
        features = tools.audio_converter(sound)
        timestamps = len(features) > CHUNK_FRAMES if timestamps is None else timestamps
        quiet = None if fallback is None else _quiet_frames(sound, fallback.silence)
        if quiet is not None and quiet(0, len(features)):
            return Transcript("", [], language_code(language or "en"))
        if tools.tokenizer.multilingual and language is None:
            language = self.detect_language(features)
        language = language_code(language or "en")
        return transcribe(
            features,
            self.begin,
            tools.tokenizer,
            tools.rules(timestamps),
            tools.tokenizer.prompt(language, task, timestamps),
            language=language,
            seconds=len(sound) / SAMPLE_RATE,
            max_length=self.backbone.max_tokens,
            condition_on_previous=condition_on_previous,
            fallback=fallback,
            is_quiet=quiet,
        )

    def generate(
        self,
        features: np.ndarray,
        max_new_tokens: int | None = None,
        *,
        language: str | None = None,
        task: str = "transcribe",
        **options: Any,
    ) -> list[Any]:
        """Writes the texts of a batch of windows, without timestamps.

        The rules of Whisper (which tokens are never written) hold after those of the options, as
        in transformers.

        Args:
            features: (batch, frames, num_mels).
            max_new_tokens: most tokens of each; as many as there is room for if None.
            language: code or English name; a multilingual model needs it.
            task: see `transcribe`.
            **options: those of `generation.options.GenerationOptions`, but no contrastive search.

        Returns:
            The text of each window; with `num_sequences` above 1, a list of so many in its place;
            with `details`, `Generated` in the place of each text.

        Raises:
            TypeError: an unknown option.
            ValueError: like `transcribe`, and settings that are out of range.
        """
        tools = self._tools()
        prompt = tools.tokenizer.prompt(language, task)
        room = self.backbone.max_tokens - len(prompt)
        length = room if max_new_tokens is None else max_new_tokens
        chosen = GenerationOptions.of(options, length)
        if chosen.penalty_alpha is not None:
            raise ValueError("Whisper writes by no contrastive search: leave out `penalty_alpha`.")
        ends = (tools.tokenizer.special.end,)
        ending = chosen.stopping(ends, tools.tokenizer.decode)
        prompts = [prompt] * (len(features) * chosen.copies)
        asked, own = chosen.rules(prompts, ends, tools.tokenizer), tools.rules(False)

        def rules(scores: np.ndarray, written: Sequence[Sequence[int]]) -> np.ndarray:
            return own(scores if asked is None else asked(scores, written), written)

        steps = write(
            chosen,
            self.begin(features, chosen.rows),
            np.array([prompt] * len(features)),
            max_length=len(prompt) + min(length, room),
            stop=ending,
            rules=rules,
        )
        return answers(last_of(steps), chosen, ending)

    def detect_language(self, features: np.ndarray) -> str:
        """Returns the code of the language that features `[frames, num_mels]` most likely hold.

        Raises ValueError for a model that knows English alone.
        """
        tokenizer = self._tools().tokenizer
        if not tokenizer.multilingual:
            raise ValueError("This model knows English alone; it cannot tell languages apart.")
        step = self.begin(features[:CHUNK_FRAMES])
        return most_likely_language(
            step(np.array([[tokenizer.special.start]]))[0], tokenizer.special
        )

    def begin(self, features: np.ndarray, copies: int = 1) -> CachedStep:
        """Returns the decoder's step for windows `[batch, frames, num_mels]`, or one without
        batch; with so many rows for each, which lie one after the other. Each is heard once.
        """
        backbone = self.backbone
        features = features if features.ndim == 3 else features[None]
        heard = backbone.compiled_method("hear")(np.asarray(features, np.float32))
        if copies > 1:
            with use_backend(backbone.backend):
                heard = [tuple(ops.repeat(x, copies, axis=0) for x in pair) for pair in heard]
        run = backbone.compiled_method("advance", consumed=(1,))

        def advance(tokens: np.ndarray, cache: Any, position: np.ndarray, last: np.ndarray) -> Any:
            return run(tokens, cache, heard, position, last)

        return CachedStep(advance, backbone.empty_cache, backbone.backend, self.cache_sizes)

    def decide(self, inputs: Sequence[Audio]) -> list[list[int]]:
        """Returns the tokens of each sound's transcript, by plain greedy decoding."""
        found = [self.transcribe(sound, fallback=None) for sound in inputs]
        return [[t for part in transcript.segments for t in part.tokens] for transcript in found]

    def parity_outputs(self, inputs: Sequence[Audio]) -> dict[str, Any]:
        """Returns the encoder's output, and the logits for a fixed beginning of a transcript."""
        tools = self._tools()
        features = np.stack([tools(sound)[:CHUNK_FRAMES] for sound in inputs])
        tokens = [*tools.tokenizer.prompt("en"), *tools.tokenizer.encode(" The quick brown fox")]
        outputs = self.backbone(
            {
                "encoder_features": features,
                "decoder_token_ids": np.array([tokens] * len(features), np.int32),
            }
        )
        text = outputs["decoder_sequence_output"]
        logits = self.run_inside(self.backbone.decoder.logits, (text,), {})
        return {"encoder": outputs["encoder_sequence_output"], "logits": logits}

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> WhisperAudioToTextPreprocessor | None:
        """Makes it from tokenizer.json, or vocab.json and its companions; None where neither is
        there.
        """
        return WhisperAudioToTextPreprocessor.from_files(files, config)

    def _tools(self) -> WhisperAudioToTextPreprocessor:
        if self.preprocessor is None:
            raise ValueError(
                "This WhisperAudioToText has no preprocessor: it was made without tokenizer files. "
                "Give it a WhisperAudioToTextPreprocessor."
            )
        return self.preprocessor


def _quiet_frames(sound: np.ndarray, level: float | None) -> Callable[[int, int], bool] | None:
    """A function that tells whether frames hold no sample above a level in dB of full scale."""
    if level is None:
        return None
    least = 10.0 ** (level / 20)

    def is_quiet(first: int, last: int) -> bool:
        part = sound[first * HOP_SAMPLES : last * HOP_SAMPLES]
        return not part.size or float(np.abs(part).max()) <= least

    return is_quiet
