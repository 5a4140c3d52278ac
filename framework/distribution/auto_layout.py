"""Layout maps of transformers, derived from the names and the sizes of their weights.

Definition: Shoeybi et al., "Megatron-LM", arXiv:1909.08053, section 3. The products that begin a
pair (queries, keys and values; the way up) are cut along their outputs, those that end it (the
outputs of attention; the way down) along their inputs: a pair needs one sum over devices. Tables of
tokens are cut along the vocabulary, and so are products that give logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from .layout_map import LayoutMap
from .mesh import DeviceMesh, TensorLayout
from .strategies import ModelParallel

# Queries, keys and values in one product stay whole: a cut of it would be no cut by heads.
# Names of products as the zoo, Keras, KerasHub and the frameworks' best-known models have them.
COLUMNS = frozenset(
    "query key value q_proj k_proj v_proj query_dense key_dense "
    "value_dense gate up inner intermediate fc1 c_fc wi wi_0 wi_1 gate_proj up_proj "
    "feedforward_intermediate_dense feedforward_gate_dense feedforward_gate intermediate_dense "
    "lm_head head_dense reverse_embeddings".split()
)
ROWS = frozenset(
    "output_dense outer down fc2 c_proj wo o_proj out_proj down_proj attention_output attn_output "
    "feedforward_output_dense feedforward_output projection".split()
)
_TABLES = ("embeddings", "tokens", "word", "token", "token_embedding", "shared", "wte")
_ATTENTION = frozenset(
    "query key value q_proj k_proj v_proj query_dense key_dense value_dense "
    "output_dense o_proj out_proj attention_output".split()
)
# What an attention calls the number of heads of keys, where it is another than that of queries.
_SHARED = ("shared_heads", "num_key_value_heads")
_KEYS = frozenset("key value k_proj v_proj key_dense value_dense".split())


def auto_layout(
    model: Any, mesh: DeviceMesh, model_axis: str | None = None, batch_axis: str | None = None
) -> LayoutMap:
    """Returns a LayoutMap for the weights of a transformer, which ModelParallel takes.

    A weight is cut only where its size, and in attention the number of heads, is a multiple of the
    devices along the axis; what is not named by the map is whole on each device: norms, biases of
    sums, positions, convolutions, and whatever is no part of a transformer.

    Args:
        model: a built model, whose variables need no values.
        mesh: the mesh.
        model_axis: the axis of the mesh along which weights are cut; "model" if there is one of
            that name, else the last.
        batch_axis: the axis of the mesh along which batches are cut, if weights are to be cut along
            it, too, and gathered where they are used (fully sharded data parallelism: Rajbhandari
            et al., "ZeRO", arXiv:1910.02054, stage 3). Only matrices are.

    Raises:
        ValueError: axes that the mesh does not have or that are one, or a model without variables.
    """
    names = list(mesh.axis_names)
    axis = model_axis or ("model" if "model" in names else names[-1])
    for given in (axis, batch_axis):
        if given is not None and given not in names:
            raise ValueError(f"auto_layout: the mesh has the axes {names}, and none is {given!r}.")
    if batch_axis == axis:
        if model_axis is not None or len(names) > 1:
            raise ValueError(f"auto_layout: {axis!r} is the axis of batches and of the model both.")
        axis = ""  # a mesh for batches alone
    sizes = dict(zip(names, mesh.shape, strict=True))
    count, rows = sizes.get(axis, 1), sizes.get(batch_axis, 1) if batch_axis else 1
    variables = dict(model.named_variables())
    if not variables:
        raise ValueError(
            "auto_layout: the model has no variables yet. Build it first, by calling it or build()."
        )
    layouts = LayoutMap(mesh)
    found: dict[str, tuple[str | None, ...]] = {}
    if count > 1:
        found.update(_axes_of(variables, dict(_owners(model)), count, axis))
    if rows > 1:
        for path, variable in variables.items():
            shape = tuple(variable.shape)
            axes = found.get(path, (None,) * len(shape))
            free = [i for i, n in enumerate(shape) if axes[i] is None and n % rows == 0]
            layer, _, last = path.rpartition(".")
            if last == "embeddings" and not _is_of_tokens(layer):
                continue  # positions and segments are few, and models take slices of them
            if len(shape) > 1 and free and getattr(variable, "trainable", True):
                widest = max(free, key=lambda i: shape[i])
                found[path] = tuple(batch_axis if i == widest else a for i, a in enumerate(axes))
            if last == "embeddings" and _is_of_tokens(layer) and batch_axis in found.get(path, ()):
                # Else the features of what is looked up would be cut, and not its rows.
                found[f"{layer}/output"] = (batch_axis, None, None)
    for path, axes in found.items():
        layouts[path] = TensorLayout(axes, mesh)
    return layouts


class AutoParallel(ModelParallel):
    """Each model's variables lie as `auto_layout` says; batches are cut along another axis.

    It serves models that are not made yet: `from_preset(name, distribution=AutoParallel(mesh))`.

    Args:
        device_mesh: the mesh, such as `DeviceMesh((2, 4), ["batch", "model"])`.
        model_axis: see `auto_layout`.
        along_batch: whether weights are cut along the axis of batches, too; see `auto_layout`.
        batch_dim_name: the axis of the mesh along which batches are cut; its first one if None.
        auto_shard_dataset: see Distribution.

    Raises:
        ValueError: as of ModelParallel.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        model_axis: str | None = None,
        along_batch: bool = False,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        super().__init__(
            layout_map=LayoutMap(device_mesh),
            batch_dim_name=batch_dim_name,
            auto_shard_dataset=auto_shard_dataset,
        )
        self._axes = model_axis, self.batch_dim_name if along_batch else None
        # outermost owner -> (its number of variables, layouts by path)
        self._known: WeakKeyDictionary[Any, tuple[int, LayoutMap]] = WeakKeyDictionary()

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Returns a variable's own layout, else that which its model gives it."""
        own = getattr(variable, "layout", None)
        root = getattr(variable, "root", variable)
        if own is not None or root is variable:
            return super().get_variable_layout(variable)
        count = len(root.variables)
        known = self._known.get(root)
        if known is None or known[0] != count:
            made = auto_layout(root, self.device_mesh, *self._axes)
            known = self._known[root] = count, made
        found = known[1][variable.path]
        return self._whole(len(variable.shape)) if found is None else found

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Returns the layout of a layer's outputs in any of the models that there are."""
        found = (layouts[path] for _, layouts in self._known.values())
        return next((layout for layout in found if layout is not None), None)

    @property
    def lays_out_tensors(self) -> bool:
        """Whether outputs of layers have layouts of their own."""
        return self._axes[1] is not None


def _axes_of(
    variables: dict[str, Any], owners: dict[str, Any], count: int, axis: str
) -> Iterator[tuple[str, tuple[str | None, ...]]]:
    """Yields (path, axes) of the variables that are cut."""
    roles = _roles(variables)
    for path, variable in variables.items():
        shape = tuple(variable.shape)
        layer, _, last = path.rpartition(".")
        cut = None
        if last == "embeddings" and len(shape) == 2 and _is_of_tokens(layer):
            # By the vocabulary, else by the features.
            cut = next((i for i, n in enumerate(shape) if n % count == 0), None)
        elif layer in roles and last in ("kernel", "bias"):
            # Keras's attention has kernels (features, heads, size) and (heads, size, features).
            along = 0 if roles[layer] == "row" else 1
            size = variables[f"{layer}.kernel"].shape[along]
            if size % count == 0 and _heads_divide(layer, owners, count):
                cut = along if last == "kernel" else (0 if roles[layer] == "column" else None)
        if cut is not None:
            yield path, tuple(axis if i == cut else None for i in range(len(shape)))


def _roles(variables: dict[str, Any]) -> dict[str, str]:
    """Path of a product -> "column" or "row"; products without a known name stay out."""
    found = {}
    shapes = {
        path.removesuffix(".kernel"): tuple(v.shape)
        for path, v in variables.items()
        if path.endswith(".kernel")
    }
    for layer, shape in shapes.items():
        name = layer.rpartition(".")[2]
        if name in COLUMNS and len(shape) in (2, 3):
            found[layer] = "column"
        elif name in ROWS and len(shape) in (2, 3):
            found[layer] = "row"
    # Two products beside each other, up and down, whatever they are called.
    held: dict[str, list[str]] = {}
    for layer, shape in shapes.items():
        if layer not in found and len(shape) == 2:
            held.setdefault(layer.rpartition(".")[0], []).append(layer)
    for pair in held.values():
        if len(pair) == 2:
            (a, b), (c, d) = (shapes[layer] for layer in pair)
            if a == d and b == c and b > a:
                found[pair[0]], found[pair[1]] = "column", "row"
    return found


def _is_of_tokens(layer: str) -> bool:
    """Whether a table is of tokens, by its name: positions and segments are few."""
    name = layer.rpartition(".")[2]
    return any(name == known or name.endswith(f"_{known}") for known in _TABLES)


def _heads_divide(layer: str, owners: dict[str, Any], count: int) -> bool:
    """Whether the heads of the attention that a product belongs to can be shared out."""
    above, _, name = layer.rpartition(".")
    owner = owners.get(above)
    if name not in _ATTENTION or owner is None:
        return True
    heads = getattr(owner, "num_heads", None)
    if name in _KEYS:
        heads = next((n for name in _SHARED if (n := getattr(owner, name, None))), heads)
    return not isinstance(heads, int) or heads % count == 0


def _owners(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (path, layer) of all layers inside, each by every path."""
    yield path, part
    for name, inner in part.tracked_parts():
        if hasattr(inner, "tracked_parts"):
            yield from _owners(inner, f"{path}.{name}" if path else name)
