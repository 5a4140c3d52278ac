"""Stable Diffusion at work: pictures from texts, from other pictures, and in parts of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...applications.images import pillow
from ...framework import config as settings
from ...framework import ops
from ...framework import random as draws
from ...framework.typing import Tensor
from ...hub.bases import Task
from ...nlp.text import check_texts, preprocessor_of
from .adapters import (
    StableDiffusionCommandLineAdapter,
    StableDiffusionParityAdapter,
    StableDiffusionPresetAdapter,
)
from .backbone import StableDiffusionBackbone
from .pictures import from_unit, known_parts, picture_size, to_unit
from .preprocessing import StableDiffusionPreprocessor
from .schedulers import NoiseSchedule, Sampler, sampler

if TYPE_CHECKING:
    from PIL import Image


@dataclass
class _Source:
    """A picture that is gone on from.

    Attributes:
        mean: of its latents, (1, height, width, channels).
        spread: standard deviation of its latents.
        mask: 1 where it is painted anew, (1, height, width, 1); None for everywhere.
    """

    mean: np.ndarray
    spread: np.ndarray
    mask: np.ndarray | None


class StableDiffusionTextToImage(Task):
    """Stable Diffusion with its tokenizer.

    The call itself gives what `StableDiffusionBackbone` gives.

    Args:
        dtype: dtype of the weights.
        **backbone: arguments of `StableDiffusionBackbone`.
    """

    task = "text_to_image"
    preset_adapter = StableDiffusionPresetAdapter
    command_line_adapter = StableDiffusionCommandLineAdapter
    parity_adapter = StableDiffusionParityAdapter
    preprocessor: StableDiffusionPreprocessor | None = None

    def __init__(self, dtype: str | None = None, name: str | None = None, **backbone: Any) -> None:
        super().__init__(dtype=dtype, name=name)
        self.backbone = StableDiffusionBackbone(**backbone)
        self.built = True

    def call(self, inputs: Any) -> dict[str, Tensor]:
        """Returns a dict of `context`, `prediction` and `image`; see `StableDiffusionBackbone`.

        Args:
            inputs: a dict of `token_ids`, `latents` and `time`.
        """
        return self.backbone(inputs)

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for token ids that are not in the vocabulary."""
        self.backbone.check_inputs(inputs)

    def generate(
        self,
        prompt: str | Sequence[str],
        negative: str | Sequence[str] = "",
        *,
        steps: int = 50,
        guidance: float = 7.5,
        seed: int | None = None,
        width: int | None = None,
        height: int | None = None,
        scheduler: str | None = None,
        image: Any = None,
        mask: Any = None,
        strength: float | None = None,
        count: int = 1,
        batch_size: int = 1,
        truncate: bool = False,
        progress: bool | None = None,
    ) -> Image.Image | list[Image.Image]:
        """Returns pictures of what texts say.

        Args:
            prompt: what is to be seen; a text or several, each of which gives pictures.
            negative: what is not to be seen; a text for all, or one for each.
            steps: how many times noise is taken away.
            guidance: how much more the text counts than `negative` does; 1 or less for as much as
                the network says by itself, and `negative` is then not looked at.
            seed: of the noise; the same one gives the same noise on every backend. Picture i of all
                has the seed `seed` + i, whatever else is computed with it. A new one if None; it
                stands in the picture's `info`.
            width: of the pictures in pixels, a multiple of 8; that of the model's training, or of
                `image`, if None.
            height: of the pictures in pixels, likewise.
            scheduler: "pndm", "ddim", "euler", "euler_ancestral" or "dpm_solver"; the preset's if
                None.
            image: a picture to go on from: a path, an image of Pillow, or a uint8 array (height,
                width, 3).
            mask: where `image` is painted anew, white, and where it stays, black.
            strength: how much of `image` is lost, from 0, nothing, to 1, everything: the share of
                the steps that are made. 0.8 if None, and 1 with a mask.
            count: how many pictures of each prompt.
            batch_size: how many are computed at a time.
            truncate: whether texts of more tokens than the model takes are cut.
            progress: whether a bar shows the steps; on a terminal if None.

        Returns:
            A picture of Pillow; a list of them for several prompts or a `count` above 1.

        Raises:
            ValueError: a text that is too long, sizes that are not multiples of 8, steps below 1,
                an unknown scheduler, a strength outside 0 … 1, a mask without a picture; or what
                comes out is not finite, as float16 may make it.
            TypeError: something that is no text.
            ImageError: `image` or `mask` cannot be read.
            ImportError: Pillow is not installed.
        """
        pillow()  # which is needed at the end, too
        texts, unwanted = _repeated(check_texts(prompt), negative, count)
        walk = self.sampler(scheduler, steps)
        width, height, original, stencil = known_parts(
            image, mask, picture_size(width, height, self._side(), self._factor())
        )
        if mask is not None and image is None:
            raise ValueError("A `mask` needs an `image`, parts of which it keeps.")
        source = None
        if original is not None:
            strength = (0.8 if mask is None else 1.0) if strength is None else strength
            walk.starting_at(_share(steps, strength))
            source = self._source(original, stencil)
        first = _some_seed() if seed is None else seed
        found: list[Image.Image] = []
        with _Bar(len(walk.plan) * -(-len(texts) // batch_size), progress) as tell:
            for start in range(0, len(texts), batch_size):
                chosen = slice(start, start + batch_size)
                context = self._contexts(texts[chosen], unwanted[chosen], guidance, truncate)
                streams = [Noise(first + start + i) for i in range(len(texts[chosen]))]
                latents = self.denoised(
                    context, walk, streams, (height, width), guidance, source, tell
                )
                found += self._pictures(latents, original, stencil)
        for number, picture in enumerate(found):
            picture.info["seed"] = str(first + number)
        return found[0] if isinstance(prompt, str) and count == 1 else found

    def sampler(self, kind: str | None, steps: int) -> Sampler:
        """Returns a sampler with the preset's noise.

        Args:
            kind: its name; the preset's own if None.
            steps: how many steps.

        Raises:
            ValueError: an unknown name, or a number of steps that there is not.
        """
        known = dict(self.backbone.scheduler)
        own = known.pop("kind", "pndm")
        return sampler(kind or own, NoiseSchedule(**known), steps)

    def denoised(
        self,
        context: Tensor,
        walk: Sampler,
        streams: Sequence[Any],
        size: tuple[int, int],
        guidance: float = 1.0,
        source: _Source | None = None,
        tell: Any = None,
    ) -> np.ndarray:
        """Returns latents, float64 (batch, height / 8, width / 8, channels), out of noise.

        Args:
            context: vectors of texts; with a `guidance` above 1 those of what is not wanted first.
            walk: the sampler; it serves one walk at a time.
            streams: for each picture a callable: a shape -> normal draws.
            size: height and width of the pictures in pixels.
            guidance: see `generate`.
            source: a picture that is gone on from.
            tell: called after each step.

        Raises:
            ValueError: the latents are not finite.
        """
        factor, channels = self._factor(), self.backbone.autoencoder.latent_channels
        shape = (size[0] // factor, size[1] // factor, channels)
        noise = np.stack([stream(shape) for stream in streams])
        x, known = walk.first() * noise, np.zeros_like(noise)
        if source is not None:
            spread = np.stack([stream(shape) for stream in streams])
            known = source.mean + source.spread * spread
            x = walk.noised(known, noise)
        run = self.compiled_method("denoise")
        strength = np.asarray([guidance], np.float32) if guidance > 1 else None
        for index, step in enumerate(walk.plan):
            time = np.asarray([step.time], np.float32)
            output = run(x.astype(np.float32), time, context, strength)
            output = np.asarray(ops.convert_to_numpy(output), np.float64)
            new = np.stack([stream(shape) for stream in streams]) if walk.noisy else None
            x = walk.step(index, x, output, new)
            if source is not None and source.mask is not None:
                kept = walk.noised(known, noise, step.then)
                x = source.mask * x + (1.0 - source.mask) * kept
            if tell is not None:
                tell()
        if not np.isfinite(x).all():
            raise ValueError(
                f"The latents are not finite. The weights are {self.backbone.compute_dtype}: "
                "float16 may be too small for them; load the model with dtype='float32' or "
                "'bfloat16'."
            )
        return x

    def denoise(
        self, latents: Tensor, time: Tensor, context: Tensor, guidance: Tensor | None = None
    ) -> Tensor:
        """Returns the prediction for latents; see `StableDiffusionBackbone.denoise`."""
        return self.backbone.denoise(latents, time, context, guidance)

    def encode_text(self, token_ids: Tensor) -> Tensor:
        """Returns the vectors of the tokens of texts, integers (batch, length)."""
        return self.backbone.encode_text(token_ids)

    def encode_image(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and standard deviation of the latents of pictures; see `Autoencoder`."""
        return self.backbone.encode_image(images)

    def decode_image(self, latents: Tensor) -> Tensor:
        """Returns the pictures of latents, float32 (batch, height, width, 3), about -1 to 1."""
        return self.backbone.decode_image(latents)

    def _factor(self) -> int:
        return self.backbone.autoencoder.factor

    def _side(self) -> int:
        return self.backbone.sample_size * self._factor()

    def _contexts(
        self, texts: list[str], unwanted: list[str], guidance: float, truncate: bool
    ) -> Tensor:
        given = [*unwanted, *texts] if guidance > 1 else texts
        token_ids = preprocessor_of(self)(given, truncate)
        self.check_inputs({"token_ids": token_ids})
        return self.compiled_method("encode_text")(token_ids)

    def _source(self, original: Any, stencil: Any) -> _Source:
        pixels = to_unit(original)[None]
        mean, spread = self.compiled_method("encode_image")(pixels)
        mean, spread = (np.asarray(ops.convert_to_numpy(x), np.float64) for x in (mean, spread))
        if stencil is None:
            return _Source(mean, spread, None)
        small = stencil.resize(mean.shape[2:0:-1], pillow().Resampling.BOX)
        return _Source(mean, spread, (np.asarray(small) >= 128).astype(float)[None, :, :, None])

    def _pictures(self, latents: np.ndarray, original: Any, stencil: Any) -> list[Image.Image]:
        decode = self.compiled_method("decode_image")
        found = []
        for row in latents.astype(np.float32):  # one at a time: the decoder's maps are large
            picture = from_unit(np.asarray(ops.convert_to_numpy(decode(row[None])))[0])
            if stencil is not None:
                kept = original.copy()
                kept.paste(picture, mask=stencil)
                picture = kept
            found.append(picture)
        return found


class Noise:
    """Normal draws of one picture: the same for a seed, whatever the backend."""

    def __init__(self, seed: int) -> None:
        with settings.use_backend("numpy"):
            self._seeds = draws.SeedGenerator(seed)

    def __call__(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns the next draws of a shape, float64 numbers of float32."""
        with settings.use_backend("numpy"):
            return np.asarray(draws.normal(shape, seed=self._seeds), np.float64)


def _some_seed() -> int:
    """Returns a seed that follows from the global one, below 2^31."""
    with settings.use_backend("numpy"):
        return int(np.asarray(draws.randint((), 0, 2**31 - 1)))


def _repeated(
    texts: list[str], negative: str | Sequence[str], count: int
) -> tuple[list[str], list[str]]:
    """Returns each text `count` times, and what is not wanted with each."""
    unwanted = [negative] * len(texts) if isinstance(negative, str) else check_texts(negative)
    if len(unwanted) != len(texts):
        raise ValueError(
            f"`negative` must be one text, or one for each prompt; got {len(unwanted)} for "
            f"{len(texts)}."
        )
    if count < 1:
        raise ValueError(f"`count` must be positive; got {count}.")
    first, second = ([text for text in given for _ in range(count)] for given in (texts, unwanted))
    return first, second


def _share(steps: int, strength: float) -> int:
    if not 0.0 < strength <= 1.0:
        raise ValueError(f"`strength` must be above 0 and at most 1; got {strength}.")
    return max(1, min(steps, int(steps * strength)))


class _Bar:
    """A bar of steps on a terminal; its context gives a callable that counts one."""

    def __init__(self, total: int, progress: bool | None) -> None:
        import sys

        self._total = total
        self._shown = sys.stderr.isatty() if progress is None else progress

    def __enter__(self) -> Any:
        if not self._shown:
            return lambda: None
        from tqdm import tqdm

        self._tqdm = tqdm(total=self._total, unit="step", leave=False)
        return self._tqdm.update

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._tqdm.close()
