"""The layer as a pure function of its variables."""

from typing import Any

from ..context import entered, state
from .scopes import StatelessScope


class StatelessLayer:
    """Stateless calls; mixed into Layer."""

    _backend: Any
    _cache: dict[Any, Any]
    _token: Any
    _autocast_dtype: Any
    name: str
    trainable_variables: Any
    non_trainable_variables: Any
    named_variables: Any
    _native_device: Any
    float32_precision: str | None

    def state_values(self) -> tuple[list[Any], list[Any]]:
        """Returns the native tensors of the trainable and of the other variables."""
        return (
            [v.native for v in self.trainable_variables],
            [v.native for v in self.non_trainable_variables],
        )

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Calls the layer as a pure function of its variables; the layer itself stays as it was.

        Args:
            trainable_variables: native tensors in the order of the attribute of that name.
            non_trainable_variables: the same of the others.
            *args: arguments of the call.
            return_losses: whether the losses that layers added are returned, too.
            **kwargs: arguments of the call.

        Returns:
            The outputs, the new values of the non-trainable variables and, if asked for, the
            losses.

        Raises:
            ValueError: other numbers of tensors than there are variables.
        """
        outputs, others, losses = self._stateless(
            self, trainable_variables, non_trainable_variables, args, kwargs, return_losses
        )
        return (outputs, others, losses) if return_losses else (outputs, others)

    def stateless_method(
        self, method: Any, trainable: Any, others: Any, args: tuple, kwargs: dict[str, Any]
    ) -> tuple[Any, Any]:
        """Calls a method of the layer like `stateless_call`; returns outputs and new values."""
        return self._stateless(method, trainable, others, args, kwargs, False)[:2]

    def _stateless(
        self, method: Any, trainable: Any, others: Any, args: tuple, kwargs: Any, losses: bool
    ) -> tuple[Any, Any, Any]:
        mine = self.trainable_variables, self.non_trainable_variables
        for kind, have, got in zip(
            ("trainable", "non-trainable"), mine, (trainable, others), strict=True
        ):
            if len(have) != len(got):
                raise ValueError(f"{self.name} has {len(have)} {kind} variables; got {len(got)}.")
        pairs = [*zip(mine[0], trainable, strict=True), *zip(mine[1], others, strict=True)]
        with StatelessScope(pairs, collect_losses=losses) as scope:
            outputs = method(*args, **kwargs)
            found = self.losses if losses else []  # pyright: ignore[reportAttributeAccessIssue]
        return outputs, [scope.get_current_value(v) for v in mine[1]], found

    def first_native(self) -> Any:
        """Returns the native tensor of the first variable that has values, or None."""
        found = self._cache.get("first")
        if found is None:
            found = next((v for _, v in self.named_variables() if v.initialized), None)
            if found is None:
                return None
            self._cache["first"] = found
        return found.native

    def run_inside(self, method: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Calls `method` with this layer's backend current and `training=False`.

        Arguments must already be native tensors.
        """
        owner = self._token if state.observer is None else (None, "observed")
        device = self._native_device()
        with entered(
            owner=owner,
            training=False,
            backend=self._backend,
            autocast=self._autocast_dtype(),
            device=device,
            float32_precision=self.float32_precision or state.float32_precision,
        ):
            return method(*args, **kwargs)
