"""Layouts by regular expressions on paths."""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from .mesh import DeviceMesh, TensorLayout


class LayoutMap(MutableMapping):
    r"""Path of a variable, or pattern of paths -> TensorLayout.

    A variable's path is `blocks.0.query.kernel`; Keras's form with slashes matches it too. A path
    that is a key itself goes first; else the one key that matches the whole path as a regular
    expression. The layer's path with `/output` behind it stands for its outputs.

        layouts = LayoutMap(mesh)
        layouts[r".*query.kernel"] = (None, "model", None)

    Args:
        device_mesh: the mesh of layouts that have none.
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self._layouts: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._device_mesh

    def __getitem__(self, key: str) -> Any:
        """Returns the layout of a path; None if no key matches. ValueError if several do."""
        forms = (key, key.replace(".", "/"))
        for form in forms:
            if form in self._layouts:
                return self._layouts[form]
        found = [p for p in self._layouts if any(re.fullmatch(p, form) for form in forms)]
        if len(found) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple layout specification keys: {found}. Please make "
                "sure each tensor/variable path only matches at most one layout specification key "
                "in the LayoutMap."
            )
        return self._layouts[found[0]] if found else None

    def get(self, key: str, default: Any = None) -> Any:
        """Returns the layout of a path; `default` if no key matches. ValueError if several do."""
        found = self[key]
        return default if found is None else found

    def __setitem__(self, key: str, layout: Any) -> None:
        """Adds a layout, or a tuple of the names of axes.

        ValueError for a key that is there already, or for what is no layout.
        """
        if key in self._layouts:
            raise ValueError(
                f"{key} already exist in the LayoutMap with value {self._layouts[key]}. Please "
                "make sure to not use duplicated keys."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"{layout} should be a TensorLayout type, got {type(layout)}")
        if layout.device_mesh is None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)
