"""Models as files that other programs run: SavedModel, PyTorch's and JAX's programs, and others."""

from ..lazy import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "ExportArchive": ".archive",
        "FORMATS": ".formats",
        "export_model": ".formats",
        "input_signature": ".signatures",
    },
)
