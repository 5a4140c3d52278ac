"""From noise to latents: the noise of each time, and how a prediction leads to the next time.

All is computed on the host, the same for every backend. Latents are kept as the network sees them:
x = a * latents + s * noise with a = 1 / sqrt(1 + sigma^2) and s = sigma * a, where sigma is the
noise's share of a time. diffusers' Euler samplers keep x / a instead; the steps are the same.

Definitions: Song et al. 2020 (arXiv:2010.02502, DDIM); Liu et al. 2022 (arXiv:2202.09778, PNDM);
Karras et al. 2022 (arXiv:2206.00364, Euler); Lu et al. 2022 (arXiv:2211.01095, DPM-Solver++);
diffusers' schedulers for how times are chosen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

PREDICTIONS = ("epsilon", "v_prediction")
SPACINGS = ("leading", "linspace", "trailing")


class NoiseSchedule:
    """How much noise a time holds.

    Args:
        train_steps: number of times in training.
        beta_start: share of noise that the first time adds.
        beta_end: share of noise that the last time adds.
        beta_schedule: "linear", or "scaled_linear" where the roots of shares are equally far apart.
        prediction: what the network predicts: the noise ("epsilon"), or "v_prediction" (Salimans &
            Ho 2022, arXiv:2202.00512).
        spacing: how times are chosen: "leading", "linspace" or "trailing"; each sampler's own way
            if None.
        steps_offset: added to times that are chosen by "leading".
        final_alpha_one: whether the end of DDIM and PNDM has no noise at all, instead of that of
            the first time; False for PNDM and True for DDIM if None.
        clip: DDIM keeps its guess of the latents between -clip and clip; nothing if None.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        train_steps: int = 1000,
        beta_start: float = 0.00085,
        beta_end: float = 0.012,
        beta_schedule: str = "scaled_linear",
        prediction: str = "epsilon",
        spacing: str | None = None,
        steps_offset: int = 1,
        final_alpha_one: bool | None = None,
        clip: float | None = None,
    ) -> None:
        if prediction not in PREDICTIONS:
            raise ValueError(f"`prediction` must be one of {PREDICTIONS}; got {prediction!r}.")
        if spacing is not None and spacing not in SPACINGS:
            raise ValueError(f"`spacing` must be one of {SPACINGS}; got {spacing!r}.")
        if train_steps < 1 or not 0 < beta_start <= beta_end < 1:
            raise ValueError(
                f"Positive `train_steps` and 0 < `beta_start` <= `beta_end` < 1 are needed; got "
                f"{train_steps}, {beta_start} and {beta_end}."
            )
        if beta_schedule == "scaled_linear":
            betas = np.linspace(beta_start**0.5, beta_end**0.5, train_steps) ** 2
        elif beta_schedule == "linear":
            betas = np.linspace(beta_start, beta_end, train_steps)
        else:
            raise ValueError(
                f"`beta_schedule` must be 'linear' or 'scaled_linear'; got {beta_schedule!r}."
            )
        kept = np.cumprod(1.0 - betas)
        self.sigmas = np.sqrt((1.0 - kept) / kept)
        self.train_steps, self.prediction, self.spacing = train_steps, prediction, spacing
        self.steps_offset, self.final_alpha_one, self.clip = steps_offset, final_alpha_one, clip

    def times(self, steps: int, spacing: str, extra: int = 0) -> np.ndarray:
        """Returns `steps` times, the last first.

        Args:
            steps: how many.
            spacing: used where the schedule names none.
            extra: further times at the end, which are chosen and left out.

        Raises:
            ValueError: fewer steps than one, or more than there are times.
        """
        if not isinstance(steps, int) or not 1 <= steps <= self.train_steps - extra:
            raise ValueError(
                f"`steps` must be a whole number from 1 to {self.train_steps - extra}; got {steps}."
            )
        spacing = self.spacing or spacing
        if spacing == "linspace":
            found = np.linspace(0, self.train_steps - 1, steps + extra)[::-1]
        elif spacing == "leading":
            ratio = self.train_steps // (steps + extra)
            found = (np.arange(steps + extra) * ratio)[::-1] + float(self.steps_offset)
        else:
            found = np.round(np.arange(self.train_steps, 0, -self.train_steps / steps)) - 1.0
        return found[:steps]

    def sigma(self, times: np.ndarray) -> np.ndarray:
        """Returns the noise's shares at times, which need not be whole numbers."""
        return np.interp(times, np.arange(self.train_steps), self.sigmas)


class Step(NamedTuple):
    """One call of the network: the time it is told, the noise's share now and after the step."""

    time: float
    now: float
    then: float


def scales(sigma: float) -> tuple[float, float]:
    """Returns a and s of x = a * latents + s * noise."""
    a = (1.0 + sigma * sigma) ** -0.5
    return a, sigma * a


class Sampler(ABC):
    """A walk from noise to latents.

    Args:
        schedule: the noise of each time.
        steps: how many steps.

    Attributes:
        plan: the calls of the network, in order.
        noisy: whether a step adds noise.
    """

    noisy = False

    def __init__(self, schedule: NoiseSchedule, steps: int) -> None:
        self.schedule = schedule
        self.plan = self.make_plan(steps)

    @abstractmethod
    def make_plan(self, steps: int) -> list[Step]:
        """Returns the calls of the network."""

    @abstractmethod
    def step(
        self, index: int, x: np.ndarray, output: np.ndarray, noise: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns x after the call `index`, which gave `output`.

        Args:
            index: the call's place in the plan.
            x: noisy latents, of any shape.
            output: the network's prediction.
            noise: normal draws, where the sampler is `noisy`.
        """

    def first(self) -> float:
        """Returns what pure noise is multiplied by before the first call."""
        return 1.0

    def noised(
        self, latents: np.ndarray, noise: np.ndarray, sigma: float | None = None
    ) -> np.ndarray:
        """Returns latents with noise: as much as the first call expects, or as `sigma` says."""
        a, s = scales(self.plan[0].now if sigma is None else sigma)
        return a * latents + s * noise

    def starting_at(self, count: int) -> None:
        """Leaves out calls at the beginning, so that about `count` steps remain."""
        self.plan = self.plan[len(self.plan) - count :]

    def guesses(
        self, x: np.ndarray, output: np.ndarray, sigma: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns what the network takes the latents and the noise in x for."""
        a, s = scales(sigma)
        if self.schedule.prediction == "epsilon":
            return (x - s * output) / a, output
        return a * x - s * output, a * output + s * x


def _between(times: np.ndarray, sigmas: np.ndarray, last: float) -> list[Step]:
    after = [*sigmas[1:].tolist(), last]
    return [Step(*one) for one in zip(times.tolist(), sigmas.tolist(), after, strict=True)]


class DDIM(Sampler):
    """Denoising diffusion implicit models, without added noise."""

    final_alpha_one = True

    def make_plan(self, steps: int) -> list[Step]:
        """Returns a call for each of the times."""
        times = np.round(self.schedule.times(steps, "leading")).astype(int)
        self._length = self.schedule.train_steps // steps
        return [self._at(time, time - self._length) for time in times]

    def _at(self, time: int, then: int) -> Step:
        sigmas = self.schedule.sigmas
        told = self.schedule.final_alpha_one
        last = 0.0 if (self.final_alpha_one if told is None else told) else sigmas[0]
        return Step(float(time), float(sigmas[time]), float(sigmas[then] if then >= 0 else last))

    def step(
        self, index: int, x: np.ndarray, output: np.ndarray, noise: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns the guessed latents with as much of the guessed noise as the next time has."""
        _, now, then = self.plan[index]
        clean, noise = self.guesses(x, output, now)
        if self.schedule.clip is not None:
            clean = np.clip(clean, -self.schedule.clip, self.schedule.clip)
        a, s = scales(then)
        return a * clean + s * noise


class PNDM(DDIM):
    """Pseudo linear multistep: the predictions of up to four calls are combined.

    The first step is made twice: with its own prediction, then with the mean of this and the one
    at its end.
    """

    final_alpha_one = False
    _WEIGHTS = {1: (1.0,), 2: (1.5, -0.5), 3: (23 / 12, -16 / 12, 5 / 12),
                4: (55 / 24, -59 / 24, 37 / 24, -9 / 24)}  # fmt: skip

    def make_plan(self, steps: int) -> list[Step]:
        """Returns a call for each of the times, and a second one for the first step."""
        return self._repeated(super().make_plan(steps))

    def _repeated(self, plan: list[Step]) -> list[Step]:
        self._outputs: list[np.ndarray] = []
        self._begin: np.ndarray | None = None
        if len(plan) < 2:
            return plan
        second = int(plan[1].time)
        again = self._at(second + self._length, second)._replace(time=float(second))
        return [plan[0], again, *plan[1:]]

    def starting_at(self, count: int) -> None:
        """Leaves out steps at the beginning, so that `count` remain and one more call."""
        once = [self.plan[0], *self.plan[2:]] if len(self.plan) > 1 else self.plan
        self.plan = self._repeated(once[len(once) - count :])

    def step(
        self, index: int, x: np.ndarray, output: np.ndarray, noise: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns x after the call, by what this and earlier calls predicted."""
        if index == 0:
            self._outputs, self._begin = [], x
        if index == 1:
            assert self._begin is not None
            x, combined = self._begin, (output + self._outputs[-1]) / 2
        else:
            self._outputs = [*self._outputs[-3:], output]
            weights = self._WEIGHTS[len(self._outputs)]
            combined = sum(w * o for w, o in zip(weights, reversed(self._outputs), strict=True))
        _, now, then = self.plan[index]
        clean, guessed = self.guesses(x, np.asarray(combined), now)
        a, s = scales(then)
        return a * clean + s * guessed


class Euler(Sampler):
    """Euler's method on the probability flow."""

    def make_plan(self, steps: int) -> list[Step]:
        """Returns a call for each of the times, which need not be whole numbers."""
        # As diffusers has them, which keeps float32.
        times = self.schedule.times(steps, "linspace").astype(np.float32).astype(float)
        return _between(times, self.schedule.sigma(times), 0.0)

    def first(self) -> float:
        """Returns the root of the noise's share, as diffusers begins but for "leading" times."""
        if self.schedule.spacing == "leading":
            return 1.0
        return scales(self.plan[0].now)[1]

    def step(
        self, index: int, x: np.ndarray, output: np.ndarray, noise: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns the guessed latents with as much of the guessed noise as the next time has."""
        _, now, then = self.plan[index]
        clean, guessed = self.guesses(x, output, now)
        a, s = scales(then)
        return a * clean + s * guessed


class EulerAncestral(Euler):
    """Euler's method to less noise than the next time has, and new noise for the rest."""

    noisy = True

    def step(
        self, index: int, x: np.ndarray, output: np.ndarray, noise: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns the guessed latents with guessed and with new noise."""
        _, now, then = self.plan[index]
        clean, guessed = self.guesses(x, output, now)
        new = (then**2 * (now**2 - then**2) / now**2) ** 0.5
        kept = (then**2 - new**2) ** 0.5
        found = clean + kept * guessed
        if noise is not None:
            found = found + new * noise
        return scales(then)[0] * found


class DPMSolver(Sampler):
    """DPM-Solver++ of second order with two steps, by midpoints."""

    def make_plan(self, steps: int) -> list[Step]:
        """Returns a call for each of the times; the last step ends without noise."""
        extra = 0 if self.schedule.spacing == "trailing" else 1
        times = np.round(self.schedule.times(steps, "linspace", extra))
        return _between(times, self.schedule.sigma(times), 0.0)

    def step(
        self, index: int, x: np.ndarray, output: np.ndarray, noise: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns x after the call, by what this and the one before guessed of the latents."""
        _, now, then = self.plan[index]
        clean, _ = self.guesses(x, output, now)
        before, self._before = (None if index == 0 else self._before), clean
        if then == 0.0:
            return clean  # the limit of what follows
        a, s = scales(then)
        # Logarithms of a / s, whose distance is the length of a step.
        length = np.log(now) - np.log(then)
        share = -a * np.expm1(-length)
        found = (s / scales(now)[1]) * x + share * clean
        if before is not None:
            last = np.log(self.plan[index - 1].now) - np.log(now)
            found = found + 0.5 * share * (length / last) * (clean - before)
        return found


SAMPLERS: dict[str, type[Sampler]] = {
    "pndm": PNDM,
    "ddim": DDIM,
    "euler": Euler,
    "euler_ancestral": EulerAncestral,
    "dpm_solver": DPMSolver,
}


def sampler(kind: str, schedule: NoiseSchedule, steps: int) -> Sampler:
    """Returns the sampler of a name.

    Raises:
        ValueError: an unknown name, or a number of steps that there is not.
    """
    if kind not in SAMPLERS:
        raise ValueError(f"Unknown scheduler {kind!r}; there are: {', '.join(SAMPLERS)}.")
    return SAMPLERS[kind](schedule, steps)
