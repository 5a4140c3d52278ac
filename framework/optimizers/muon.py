"""Muon: orthogonal steps of matrices, and Adam's of everything else."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..typing import Tensor
from .arguments import common_arguments
from .groups import of_group
from .optimizer import Optimizer


class Muon(Optimizer):
    """Steps along momenta of matrices that are made orthogonal. From Jordan et al. 2024.

    Variables that are no matrices, embeddings, and those of `exclude_layers` step as in AdamW.

    Args:
        learning_rate: float, schedule, or function without arguments.
        adam_beta_1: Adam's `beta_1`.
        adam_beta_2: Adam's `beta_2`.
        adam_weight_decay: weight decay of the variables that step as in Adam.
        epsilon: Adam's `epsilon`.
        weight_decay: weight decay of the matrices.
        exclude_layers: patterns (`re.search`) of paths of variables that step as in Adam.
        exclude_embeddings: whether variables with "embedding" in their path do.
        muon_a: first coefficient of the Newton-Schulz polynomial a x + b x^3 + c x^5.
        muon_b: its second coefficient.
        muon_c: its third coefficient.
        adam_lr_ratio: factor of the learning rate of Adam's steps.
        momentum: share of the momentum that stays at a step.
        ns_steps: how often the polynomial is applied.
        nesterov: whether the momentum is Nesterov's.
        rms_rate: root mean square of the steps over the learning rate; None leaves them orthogonal.
        **options: those of Optimizer.
    """

    @common_arguments(after="weight_decay")
    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _should_use_adamw(self, variable: Any) -> bool:
        path = variable.path
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(pattern, path) for pattern in self.exclude_layers)

    def _make_slots(self, variables: Sequence[Any]) -> None:
        self.momentums, self.adam_velocities = [], []
        for variable in variables:
            (m,) = self.add_optimizer_variables([variable], "momentum")
            self.momentums.append(m)
            adam = m is not None and self._should_use_adamw(variable)
            self.adam_velocities.append(
                self.add_variable_from_reference(variable, "velocity") if adam else None
            )

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Moves a matrix along its orthogonal momentum, or another variable by Adam's step.

        For a matrix m <- momentum * m + g comes first; the step is -rate times
        `zeropower_via_newtonschulz5` of g + momentum * m (of m without Nesterov's momentum), scaled
        by `lr_adjust`.

        Args:
            gradient: tensor g of the variable's shape and dtype.
            variable: Variable, or Group of variables alike, that is changed in place.
            learning_rate: scalar.
        """
        rate = ops.cast(learning_rate, variable.dtype)
        m = self.slot(self.momentums, variable)
        v = self.slot(self.adam_velocities, variable)
        if v is None:
            self._orthogonal_step(gradient, variable, rate, m)
        else:
            self._adam_step(gradient, variable, ops.multiply(rate, self.adam_lr_ratio), m, v)

    def _orthogonal_step(self, gradient: Any, variable: Any, rate: Any, m: Any) -> None:
        self.assign(m, ops.add(ops.multiply(m, self.momentum), gradient))
        ahead = ops.add(gradient, ops.multiply(m, self.momentum)) if self.nesterov else m
        step = self.zeropower_via_newtonschulz5(ahead, self.ns_steps)
        self.assign_sub(variable, self.lr_adjust(ops.multiply(step, rate)))

    def _adam_step(self, gradient: Any, variable: Any, rate: Any, m: Any, v: Any) -> None:
        step = self.local_step(variable.dtype)
        rate = self.corrected_rate(rate, step, self.adam_beta_1, self.adam_beta_2)
        rate = ops.cast(rate, variable.dtype)
        self.blend(m, gradient, self.adam_beta_1)
        self.blend(v, ops.square(gradient), self.adam_beta_2)
        root = ops.add(ops.sqrt(v), self.epsilon)
        self.assign_sub(variable, ops.divide(ops.multiply(m, rate), root))

    def lr_adjust(self, x: Any) -> Any:
        """Returns a step whose root mean square is `rms_rate`, from an orthogonal one."""
        if self.rms_rate is None:
            return x
        return ops.multiply(x, math.sqrt(max(x.shape[0], x.shape[1])) * self.rms_rate)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Returns U V^T, roughly, of a matrix U S V^T, or of each of a stack of matrices.

        Args:
            x: tensor of shape (..., rows, columns).
            steps: how often the polynomial is applied to the singular values.

        Raises:
            ValueError: fewer than two axes.
        """
        shape = ops.shape(x)
        if len(shape) < 2:
            raise ValueError(
                "Expected gradient or momentum to have at least 2 dimensions: rows and columns. "
                f"Received: shape={shape}"
            )
        tall = shape[-2] > shape[-1]
        x = ops.swapaxes(x, -1, -2) if tall else ops.convert_to_tensor(x)
        norm = ops.sqrt(ops.sum(ops.square(x), axis=(-2, -1), keepdims=True))
        x = ops.divide(x, ops.add(norm, 1e-7))
        for _ in range(steps):
            square = ops.matmul(x, ops.swapaxes(x, -1, -2))
            fourth = ops.matmul(ops.multiply(square, self.muon_c), square)
            factor = ops.add(ops.multiply(square, self.muon_b), fourth)
            x = ops.add(ops.multiply(x, self.muon_a), ops.matmul(factor, x))
        return ops.swapaxes(x, -1, -2) if tall else x

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        rate = self.learning_rate
        for variable in variables:
            one = of_group(variable)
            adam = self._should_use_adamw(one)
            decay = self.adam_weight_decay if adam else self.weight_decay
            if decay is not None and self._use_weight_decay(one):
                self._decay(variable, decay, rate)
