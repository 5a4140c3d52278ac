"""Layers that put categories into buckets by a hash: Hashing and HashedCrossing."""

from typing import Any

from ... import config, dtypes
from ...core.keras_tensor import KerasTensor
from .host import HostLayer
from .index_lookup import checked_mode, checked_salt, encoded_shape


class Hashing(HostLayer):
    """Puts the number of a bucket for each string or whole number, by a hash of its letters.

    The hash is FarmHash's Fingerprint64, with a salt SipHash-2-4, modulo the number of buckets;
    numbers are hashed as decimal digits, floats without their fraction.

    Args:
        num_bins: the number of buckets, that of `mask_value` included.
        mask_value: the string or number that alone gets bucket 0; or None.
        salt: the key of SipHash, two numbers, or one for both.
        output_mode: "int", or "one_hot", "multi_hot" or "count": vectors of `num_bins` elements.
        sparse: whether vectors store their non-zero elements alone.
        **kwargs: the arguments of `Layer`; `dtype` is that of the result, int64 for "int" and the
            default float dtype for vectors unless given.

    Raises:
        ValueError: arguments that do not go together.
    """

    salt: list[int] | None

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else config.floatx()
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                "The `num_bins` for `Hashing` cannot be `None` or non-positive values. Received: "
                f"num_bins={num_bins}."
            )
        output_mode = checked_mode(output_mode, ("int", "one_hot", "multi_hot", "count"), "Hashing")
        if output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise ValueError(
                "When `output_mode=\"int\"`, `dtype` should be an integer type, 'int32' or "
                f"'int64'. Received: dtype={kwargs['dtype']}"
            )
        if sparse and output_mode == "int":
            raise ValueError(
                '`sparse` may only be true if `output_mode` is `"one_hot"`, `"multi_hot"`, or '
                f'`"count"`. Received: sparse={sparse} and output_mode={output_mode}'
            )
        _check_sparse(self, sparse)
        self.num_bins, self.mask_value = num_bins, mask_value
        vars(self)["salt"] = checked_salt(salt, "Hashing")
        self.output_mode, self.sparse = output_mode, sparse

    def call(self, inputs: Any) -> Any:
        """Returns the buckets of strings or numbers, or vectors that count them."""
        shapes = self._shapes_alone(inputs)
        if shapes is not None:
            return shapes
        kernels = self._kernels(inputs)
        x = self._value(kernels, inputs)
        if self.output_mode == "one_hot" and kernels.rank(x) and kernels.last_size(x) == 1:
            x = kernels.squeeze(x)
        found = kernels.map_values(lambda values: self._buckets(kernels, values), x)
        if self.output_mode != "int":
            found = kernels.encoded(found, self.output_mode, self.num_bins, self.dtype, self.sparse)
        return self._finished(kernels, found, self.dtype, self.sparse)

    def _buckets(self, kernels: Any, values: Any) -> Any:
        if self.mask_value is None or self.num_bins <= 1:
            return kernels.buckets(kernels.as_strings(values), self.num_bins, self.salt)
        mask: Any = self.mask_value
        if kernels.is_text(values) and isinstance(mask, str):
            mask = mask.encode("utf-8")
        found = kernels.buckets(kernels.as_strings(values), self.num_bins - 1, self.salt)
        return kernels.where(kernels.equal(values, mask), 0, found + 1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of what a call gives."""
        if self.output_mode == "one_hot" and tuple(input_shape)[-1:] == (1,):
            input_shape = tuple(input_shape)[:-1]
        elif self.output_mode != "one_hot" and not len(input_shape):
            input_shape = (1,)
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of what a call gives."""
        return KerasTensor(self.compute_output_shape(inputs.shape), self.dtype, sparse=self.sparse)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }


class HashedCrossing(HostLayer):
    """Puts the number of a bucket for what several features say together, by a hash.

    It is that of TensorFlow's `tf.sparse.cross_hashed`: the fingerprints of the features, for whole
    numbers the number itself, are joined one after the other, and taken modulo `num_bins`.

    Args:
        num_bins: the number of buckets.
        output_mode: "int", or "one_hot": vectors of `num_bins` elements.
        sparse: whether vectors store their non-zero elements alone.
        name: the layer's name.
        dtype: of the result; int64 for "int", the default float for vectors unless given.
        **kwargs: ignored, for the sake of Keras's configs.

    Raises:
        ValueError: another output mode, or `sparse` where there are no sparse tensors; when called,
            inputs that are not two or more of one shape, (), (batch,) or (batch, 1).
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if output_mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype)
        _check_sparse(self, sparse)
        self.output_mode = checked_mode(output_mode, ("int", "one_hot"), "HashedCrossing")
        self.num_bins, self.sparse = num_bins, sparse

    def call(self, inputs: Any) -> Any:
        """Returns the buckets of tuples of features."""
        if not isinstance(inputs, list | tuple):
            raise ValueError(
                "`HashedCrossing` should be called on a list or tuple of inputs. Received: "
                f"inputs={inputs}"
            )
        if len(inputs) < 2:
            raise ValueError(
                "`HashedCrossing` should be called on at least two inputs. Received: "
                f"inputs={inputs}"
            )
        shapes = self._shapes_alone(inputs)
        if shapes is not None:
            return shapes
        kernels = self._kernels(*inputs)
        columns = [self._category(kernels, x) for x in inputs]
        self._check(kernels, columns)
        found = kernels.crossed(columns, self.num_bins)
        if self.output_mode == "one_hot":
            found = kernels.encoded(found, "one_hot", self.num_bins, self.dtype, self.sparse)
        return self._finished(kernels, found, self.dtype, self.sparse)

    def _category(self, kernels: Any, x: Any) -> Any:
        kind = getattr(x, "dtype", None)
        name = str(getattr(kind, "name", kind)).removeprefix("torch.")
        if name in dtypes.FLOATS:
            raise ValueError(
                "All `HashedCrossing` inputs should have an integer or string dtype. Received: "
                f"an input of dtype {name}. (All inputs should have shape `()`, `(batch_size)` or "
                "`(batch_size, 1)`.)"
            )
        return self._value(kernels, x)

    def _check(self, kernels: Any, columns: list[Any]) -> None:
        if any(isinstance(x, kernels.ragged_type) or hasattr(x, "dense_shape") for x in columns):
            raise ValueError("All `HashedCrossing` inputs should be dense tensors.")
        shapes = [tuple(x.shape) for x in columns]
        if len(shapes[0]) > 2 or (len(shapes[0]) == 2 and shapes[0][-1] != 1):
            raise ValueError(
                "All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or "
                f"`(batch_size, 1)`. Received: inputs of shapes {shapes}"
            )
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError(
                f"All `HashedCrossing` inputs should have equal shape. Received: {shapes}"
            )

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Returns the shape of what a call gives, of the shapes of the inputs.

        Raises:
            ValueError: shapes that are not those of features to be crossed.
        """
        shapes = [tuple(shape) for shape in input_shape if isinstance(shape, list | tuple)]
        if len(shapes) < 2 or len(shapes) != len(input_shape):
            raise ValueError(
                f"Expected as input a list/tuple of 2 tensors. Received input_shape={input_shape}"
            )
        if any(shape[-1:] != shapes[0][-1:] for shape in shapes):
            raise ValueError(
                "Expected the two input tensors to have identical shapes. Received "
                f"input_shape={input_shape}"
            )
        return encoded_shape(shapes[0], self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns the shape and dtype of what a call gives."""
        shape = self.compute_output_shape([x.shape for x in inputs])
        return KerasTensor(shape, self.dtype, sparse=self.sparse)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }


def _check_sparse(layer: Any, sparse: bool) -> None:
    if sparse and not layer._backend.has_sparse_tensors:
        raise ValueError(
            "`sparse=True` can only be used with the TensorFlow backend, or with JAX; this layer "
            f"is on {layer.backend}."
        )
