"""FeatureSpace: columns of tables as vectors."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ... import dtypes, layers, nested, ops
from ...backends.registry import Kind, owner_of
from ...configs import Configurable, deserialize, serialize
from ...core.keras_tensor import Input, KerasTensor
from ...core.naming import auto_name
from .data_layer import DataLayer
from .host import HostLayer
from .values import host_value

_BATCH = 32


class Cross(Configurable):
    """Says that features are crossed: what they say together is hashed.

    Args:
        feature_names: which.
        crossing_dim: the number of buckets.
        output_mode: "one_hot" or "int".
    """

    def __init__(
        self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> None:
        _check_mode(output_mode, ("int", "one_hot"))
        self.feature_names, self.crossing_dim = tuple(feature_names), crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The names of the features, joined by "_X_"."""
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """Says how a feature is made a vector.

    Args:
        dtype: of the raw feature.
        preprocessor: the layer that it goes through.
        output_mode: "int" or "float": as the layer gives it; "one_hot": its number as a vector.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        _check_mode(output_mode, ("int", "one_hot", "float"))
        self.dtype, self.output_mode = dtype, output_mode
        self.preprocessor = (
            deserialize(preprocessor) if isinstance(preprocessor, dict) else preprocessor
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialize(self.preprocessor),
            "output_mode": self.output_mode,
        }


def _check_mode(mode: str, modes: tuple[str, ...]) -> None:
    if mode not in modes:
        raise ValueError(
            f"Invalid value for argument `output_mode`. Expected one of {modes}. Received: "
            f"output_mode={mode}"
        )


class TFDIdentity(DataLayer):
    """Gives the feature as it is. (Keras's files have the name.)"""

    def call(self, x: Any) -> Any:
        """Returns x."""
        return x


class TFDConcat(DataLayer):
    """Joins vectors along an axis. (Keras's files have the name.)"""

    def __init__(self, axis: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, xs: Any) -> Any:
        """Returns the vectors, joined."""
        return ops.concatenate(xs, axis=self.axis)


class FeatureSpace(HostLayer):
    """Makes vectors of the columns of a table: numbers, categories, strings, and crosses of them.

    `adapt` learns what the features need from data; then the space is called with a dict of
    columns, (batch,) or (batch, 1), or of single values. It can be mapped over a `tf.data.Dataset`,
    and be a part of a model by `get_inputs` and `get_encoded_features`.

    Args:
        features: name -> kind: "float", "float_rescaled", "float_normalized", "float_discretized",
            "integer_categorical", "string_categorical", "integer_hashed", "string_hashed", or what
            the class methods of these names give.
        output_mode: "concat" for one vector of all features, first the features by name, then the
            crosses; "dict" for name -> vector.
        crosses: tuples of names, or what `cross` gives.
        crossing_dim: the buckets of crosses that say nothing else.
        hashing_dim: the buckets of hashed features that say nothing else.
        num_discretization_bins: the bins of discretized features that say nothing else.
        name: the layer's name.

    Raises:
        ValueError: no features, an unknown kind, or a cross of features that there are not.
    """

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        _check_mode(output_mode, ("dict", "concat"))
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins, self.output_mode = num_discretization_bins, output_mode
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        self.inputs = {
            key: Input((1,), dtype=feature.dtype, name=key)
            for key, feature in self.features.items()
        }
        self.preprocessors = {key: value.preprocessor for key, value in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self.concat: Any = None
        self._encoded: Any = None
        self._is_adapted = False

    # Kinds of features ------------------------------------------------------------------------

    @classmethod
    def cross(
        cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """Returns a cross of features."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """Returns a feature that goes through a layer of the user's."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Returns a feature of numbers as they are."""
        layer = TFDIdentity(dtype="float32", name=_named(name, "float"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Returns a feature of numbers times `scale` plus `offset`."""
        rescaling: Any = getattr(layers, "Rescaling")  # noqa: B009
        layer = rescaling(scale=scale, offset=offset, name=_named(name, "float_rescaled"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Returns a feature of numbers that are brought to mean 0 and variance 1."""
        layer = layers.Normalization(axis=-1, name=_named(name, "float_normalized"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Returns a feature of the bins that numbers fall in; see `layers.Discretization`."""
        layer = layers.Discretization(
            num_bins=num_bins,
            bin_boundaries=bin_boundaries,
            name=_named(name, "float_discretized"),
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Returns a feature of whole numbers that are categories; see `layers.IntegerLookup`."""
        name = _named(name, "integer_categorical")
        layer = layers.IntegerLookup(max_tokens, num_oov_indices, name=name)
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Returns a feature of strings that are categories; see `layers.StringLookup`."""
        name = _named(name, "string_categorical")
        layer = layers.StringLookup(max_tokens, num_oov_indices, name=name)
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Returns a feature of the buckets of strings; see `layers.Hashing`."""
        layer = layers.Hashing(num_bins, name=_named(name, "string_hashed"))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Returns a feature of the buckets of whole numbers; see `layers.Hashing`."""
        layer = layers.Hashing(num_bins, name=_named(name, "integer_hashed"))
        return Feature("int32", layer, output_mode)

    def _feature(self, name: str, feature: Any) -> Feature:
        if isinstance(feature, Feature):
            return feature
        if isinstance(feature, dict):
            return deserialize(feature)
        more = {
            "float_discretized": self.num_discretization_bins,
            "integer_hashed": self.hashing_dim,
            "string_hashed": self.hashing_dim,
        }
        if not isinstance(feature, str) or feature not in _KINDS:
            raise ValueError(f"Invalid feature type: {feature}. The types are {_KINDS}.")
        make = getattr(self, feature)
        return make(more[feature], name=name) if feature in more else make(name=name)

    def _cross(self, cross: Any) -> Cross:
        if isinstance(cross, dict):
            cross = deserialize(cross)
        if isinstance(cross, Cross):
            return cross
        if not self.crossing_dim:
            raise ValueError(
                "When specifying `crosses`, the argument `crossing_dim` (dimensionality of the "
                "crossing space) should be specified as well."
            )
        if not set(cross) <= set(self.features):
            raise ValueError(
                "All features referenced in the `crosses` argument should be present in the "
                f"`features` dict. Received unknown features: {cross}"
            )
        return Cross(cross, self.crossing_dim)

    def build(self, input_shape: Any = None) -> None:
        """Makes nothing: the features' layers are built by what they get."""

    # Learning ---------------------------------------------------------------------------------

    def _list_adaptable_preprocessors(self) -> list[str]:
        found = []
        for name, layer in self.preprocessors.items():
            given = getattr(layer, "input_mean", None) is not None
            given = given or getattr(layer, "_has_input_vocabulary", False)
            given = given or isinstance(layer, layers.Discretization) and layer.num_bins is None
            if hasattr(layer, "adapt") and not given:
                found.append(name)
        return found

    def adapt(self, dataset: Any) -> None:
        """Learns what the features need.

        Args:
            dataset: a dict of columns, or a `tf.data.Dataset`, PyDataset, DataLoader or other
                source of such dicts, of batches or of single rows.

        Raises:
            ValueError: something else.
        """
        if not isinstance(dataset, dict) and not _yields_dicts(dataset):
            raise ValueError(
                "`adapt()` can only be called on a tf.data.Dataset or a dict of arrays/lists, or "
                f"on what yields dicts. Received instead: {dataset} (of type {type(dataset)})"
            )
        if hasattr(dataset, "__next__"):
            dataset = list(dataset)
        for name in self._list_adaptable_preprocessors():
            self.preprocessors[name].adapt(_Column(dataset, name))
        self._is_adapted = True
        self._encoded = None
        self.one_hot_encoders = {}
        self.get_encoded_features()
        self.built = True

    def _check_adapted(self) -> None:
        if not self._is_adapted and self._list_adaptable_preprocessors():
            raise ValueError(
                "You need to call `.adapt(dataset)` on the FeatureSpace before you can start using "
                "it."
            )
        self._is_adapted = True

    # Vectors ----------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Returns the inputs of a model that takes the raw features, by their names."""
        self.get_encoded_features()
        return dict(self.inputs)

    def get_encoded_features(self) -> Any:
        """Returns what the space makes of `get_inputs`, for the rest of a model."""
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._vectors(dict(self.inputs))
        return self._encoded

    def _vectors(self, data: dict[str, Any]) -> Any:
        """The features, which have two axes, as vectors."""
        found = {name: layer(data[name]) for name, layer in self.preprocessors.items()}
        crossed = {
            cross.name: self.crossers[cross.name]([found[key] for key in cross.feature_names])
            for cross in self.crosses
        }
        made = {
            name: self._as_vector(name, {**found, **crossed}[name])
            for name in (*sorted(found), *sorted(crossed))
        }
        if self.output_mode == "dict":
            return made
        for name, x in made.items():
            dtype = _dtype_of(x)
            if dtype.startswith(("int", "uint")) or dtype == dtypes.TEXT:
                raise ValueError(
                    f"Cannot concatenate features because feature '{name}' has not been encoded "
                    f"(it has dtype {dtype}). Consider using `output_mode='dict'`."
                )
        if self.concat is None:
            self.concat = TFDConcat(axis=-1)
        return self.concat(list(made.values()))

    def _as_vector(self, name: str, x: Any) -> Any:
        spec = self.features.get(name) or self.crosses_by_name[name]
        if spec.output_mode != "one_hot":
            return x
        encoder = self.one_hot_encoders.get(name)
        if encoder is None:
            encoder = layers.CategoryEncoding(
                num_tokens=self._cardinality(name, x), output_mode="multi_hot"
            )
            self.one_hot_encoders[name] = encoder
        return encoder(x)

    def _cardinality(self, name: str, x: Any) -> int:
        """How many categories a feature has."""
        dtype = _dtype_of(x)
        if not dtype.startswith("int"):
            raise ValueError(
                f"Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor should "
                f"return an integer dtype. Instead it returns a {dtype} dtype."
            )
        layer: Any = self.preprocessors.get(name) or self.crossers.get(name)
        if isinstance(layer, layers.IntegerLookup | layers.StringLookup):
            return layer.vocabulary_size()
        if isinstance(layer, layers.CategoryEncoding):
            return layer.num_tokens
        if isinstance(layer, layers.Discretization):
            return layer.num_bins or len(layer.bin_boundaries) + 1
        if isinstance(layer, layers.HashedCrossing | layers.Hashing):
            return layer.num_bins
        raise ValueError(
            f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard feature "
            "and the dimensionality of its output space is not known, thus it cannot be one-hot "
            "encoded. Try using `output_mode='int'`."
        )

    def call(self, data: dict[str, Any]) -> Any:
        """Returns the vectors of features: of rows (batch, ...), or of single values."""
        if not isinstance(data, dict):
            raise ValueError(
                f"A FeatureSpace can only be called with a dict. Received: data={data} (of type "
                f"{type(data)}"
            )
        self._check_adapted()
        given = {name: self._raw(x) for name, x in data.items() if name in self.features}
        single = any(len(x.shape) == 0 for x in given.values())
        found = self._vectors({name: _with_two_axes(x) for name, x in given.items()})
        if not single:
            return found
        return nested.map_structure(lambda x: x[0] if tuple(x.shape)[:1] == (1,) else x, found)

    def _raw(self, x: Any) -> Any:
        """A column as an array, or as a tensor of the layer's backend or of a graph."""
        owner = owner_of(x) if hasattr(x, "shape") else None
        if owner is None or isinstance(owner, Kind):
            return host_value(x, self.name)
        backend = owner.full_backend or owner
        if backend is self._backend or backend.is_tracing(x):
            return x
        return host_value(x, self.name)

    def compute_output_spec(self, data: dict[str, Any]) -> Any:
        """Returns the shapes and dtypes of the vectors."""
        self._check_adapted()
        found = self._vectors({name: data[name] for name in self.features})
        return nested.map_structure(lambda x: KerasTensor(x.shape, x.dtype), found)

    # Files ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "features": {name: serialize(feature) for name, feature in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [serialize(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Makes a space from a config."""
        return cls(**config)

    def get_build_config(self) -> dict[str, Any]:
        """Returns the shapes for which the features' layers were built."""
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the features' layers; what was learned follows from the file."""
        for name, shapes in config.items():
            layer = self.preprocessors.get(name)
            if layer is not None and not layer.built:
                layer.build_from_config(shapes)
        self._is_adapted = self.built = True

    def save(self, filepath: Any) -> None:
        """Saves the space to a ".keras" file, which `models.load_model` reads."""
        from ...saving import save_model

        save_model(self, filepath)

    def save_own_variables(self, store: Any) -> None:
        """Writes nothing: the features' layers have the state."""

    def load_own_variables(self, store: Any) -> None:
        """Reads nothing."""


_KINDS = (
    "float",
    "float_rescaled",
    "float_normalized",
    "float_discretized",
    "integer_categorical",
    "string_categorical",
    "integer_hashed",
    "string_hashed",
)


def _named(name: str | None, kind: str) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _dtype_of(x: Any) -> str:
    return x.dtype if isinstance(x, KerasTensor) else ops.dtype(x)


def _with_two_axes(x: Any) -> Any:
    missing = 2 - len(x.shape)
    return x if missing <= 0 else x[..., None] if missing == 1 else x[None, None]


def _yields_dicts(x: Any) -> bool:
    spec = getattr(x, "element_spec", None)
    if spec is not None:
        return isinstance(spec, dict)
    return hasattr(x, "__iter__") and not isinstance(x, str | bytes | np.ndarray | list | tuple)


class _Column:
    """The batches of one feature, (batch, 1), which can be read again and again."""

    def __init__(self, data: Any, name: str) -> None:
        self._data, self._name = data, name

    def __iter__(self) -> Iterator[np.ndarray]:
        if isinstance(self._data, dict):
            column = np.asarray(host_value(self._data[self._name], self._name))
            batches: Iterable[Any] = (
                column[start : start + _BATCH] for start in range(0, len(column), _BATCH)
            )
        else:
            batches = self._read()
        for batch in batches:
            yield batch[:, None] if batch.ndim == 1 else batch

    def _read(self) -> Iterator[np.ndarray]:
        rows = (host_value(item[self._name], self._name) for item in self._data)
        first = next(rows, None)
        if first is None:
            return
        if first.ndim:
            yield first
            yield from rows
            return
        singles = [first, *islice(rows, _BATCH - 1)]
        while singles:
            yield np.stack(singles)
            singles = list(islice(rows, _BATCH))
