"""Models as graphs in Graphviz's language DOT."""

import html
from typing import Any

from .boxes import Box, Cluster, Shown, boxes_of

SPLINES = ("ortho", "curved", "polyline", "spline", "line")


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Returns a model as a graph in DOT.

    Args:
        model: a model that is built.
        show_shapes: whether boxes tell shapes.
        show_dtype: whether they tell dtypes.
        show_layer_names: whether they tell the layers' names beside their classes.
        rankdir: "TB" from top to bottom, "LR" from left to right, "BT" or "RL".
        expand_nested: whether models inside are drawn box by box.
        dpi: dots in an inch, where Graphviz draws it.
        subgraph: whether the graph is to stand in another one.
        show_layer_activations: whether boxes tell activations.
        show_trainable: whether they tell what training changes.
        splines: how arrows run: "ortho", "curved", "polyline", "spline" or "line".

    Returns:
        A `pydot.Dot` (with `subgraph` a `pydot.Cluster`) where pydot is installed, else the text.

    Raises:
        ValueError: the model is not built, or an argument is unknown.
    """
    check_rest(kwargs)
    shown = Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    cluster, arrows = boxes_of(model, shown, expand_nested)
    settings = [
        f"rankdir={_quoted(rankdir)}",
        "concentrate=true",
        f"dpi={int(dpi)}",
        f"splines={_quoted(splines)}",
        'node [shape="plaintext", fontname="Helvetica", margin=0]',
    ]
    lines = [*(f"{setting};" for setting in ([] if subgraph else settings))]
    lines += _inside(cluster)
    lines += [f"{first} -> {second} [penwidth=2];" for first, second in arrows]
    text = "digraph G {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"
    try:
        import pydot
    except ImportError:
        return text
    graph: Any = (pydot.graph_from_dot_data(text) or [None])[0]
    if not subgraph:
        return graph
    made = pydot.Cluster(model.name, label=model.name, style="dashed", labeljust="l")
    for node in graph.get_nodes():
        made.add_node(node)
    for edge in graph.get_edges():
        made.add_edge(edge)
    for inner in graph.get_subgraphs():
        made.add_subgraph(inner)
    return made


def check_rest(kwargs: dict[str, Any]) -> None:
    """Raises ValueError for arguments that no drawing takes."""
    if kwargs.pop("layer_range", None) is not None:
        raise ValueError("Argument `layer_range` is no longer supported.")
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")


def _inside(cluster: Cluster) -> list[str]:
    lines = [f"{box.key} [label={_label(box)}];" for box in cluster.boxes]
    for number, inner in enumerate(cluster.clusters):
        first = inner.all_boxes()
        lines.append(f"subgraph cluster_{first[0].key if first else number} {{")
        lines.append(f'  style="dashed"; labeljust="l"; label={_quoted(inner.name)};')
        lines += [f"  {line}" for line in _inside(inner)]
        lines.append("}")
    return lines


def _label(box: Box) -> str:
    cells = [
        f'<td bgcolor="white">{html.escape(name)}: <b>{html.escape(value)}</b></td>'
        for name, value in box.cells
    ]
    if box.trains is not None:
        color = "forestgreen" if box.trains else "firebrick"
        text = "Trainable" if box.trains else "Non-trainable"
        cells.append(f'<td bgcolor="{color}"><font color="white"><b>{text}</b></font></td>')
    span = f'colspan="{max(1, len(cells))}"'
    rows = [
        f'<tr><td {span} bgcolor="black"><font color="white"><b>{html.escape(box.title)}</b>'
        "</font></td></tr>"
    ]
    if box.activation:
        rows.append(f'<tr><td {span} bgcolor="white">{html.escape(box.activation)}</td></tr>')
    if cells:
        rows.append(f"<tr>{''.join(cells)}</tr>")
    table = '<table border="0" cellborder="1" cellspacing="0" cellpadding="10">'
    return f"<{table}{''.join(rows)}</table>>"


def _quoted(text: str) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
