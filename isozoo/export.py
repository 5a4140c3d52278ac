"""`isozoo.export`: `ExportArchive`, which writes SavedModels with endpoints of one's own."""

from .framework.exporting import ExportArchive as ExportArchive
