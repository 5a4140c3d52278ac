"""Tasks whose networks are graphs from outside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..framework.graphs import ImportedModel
from .bases import Task


class GraphTask(Task):
    """A task made of graphs; subclasses name them as arguments.

    Args:
        graphs: name of the part -> its graph, or what `ForeignGraph.to_json` gives of one; None
            for one that is left out.
        dtype: of the weights, and of what is computed with them; each graph's own when None.
        name: of the model.
    """

    def __init__(
        self, graphs: Mapping[str, Any], dtype: str | None = None, name: str | None = None
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        given = {} if dtype is None else {"dtype": dtype}
        for part, graph in graphs.items():
            setattr(self, part, None if graph is None else ImportedModel(graph, **given))
        self.part_names = tuple(part for part, graph in graphs.items() if graph is not None)
        self.built = True

    def export_signature(self) -> list[Any] | None:
        """Returns what the first graph takes, which is what the call of most tasks takes."""
        return getattr(self, self.part_names[0]).export_signature()

    def get_config(self) -> dict[str, Any]:
        """Returns the graphs as plain values, with the name and the dtype."""
        config = super().get_config()
        return config | {part: getattr(self, part).graph.to_json() for part in self.part_names}

    def save_to_preset(self, folder: Any, layout: str = "isozoo", **options: Any) -> list[Path]:
        """Writes a folder that `from_preset` reads; see `isozoo.hub.save_to_preset`."""
        return super().save_to_preset(folder, layout, **options)
