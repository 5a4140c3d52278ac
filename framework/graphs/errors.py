"""What is raised for a graph that cannot be read or run."""


class GraphError(ValueError):
    """A foreign graph is broken, hostile, or of a kind that is not known here."""


class UnknownOperatorError(GraphError):
    """A graph has operators that no rule is written for.

    Attributes:
        missing: (domain, operator) -> the nodes that apply it.
    """

    def __init__(self, missing: dict[tuple[str, str], list[str]]) -> None:
        lines = [
            f"  {f'{domain}.' if domain else ''}{op}: {', '.join(places[:8])}"
            + (f", and {len(places) - 8} more" if len(places) > 8 else "")
            for (domain, op), places in sorted(missing.items())
        ]
        super().__init__(
            f"{len(missing)} operators of the graph are not known here:\n" + "\n".join(lines)
        )
        self.missing = missing
