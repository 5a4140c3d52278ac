"""The methods of a model that save and load it."""

from typing import Any

from .api import load_weights, model_to_json, save_model, save_weights


class Saving:
    """Saving and loading; mixed into Model."""

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Saves the model: its config, its weights, and the state of its optimizer.

        Arguments, forms of files and errors are those of `isozoo.saving.save_model`.
        """
        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Saves the weights of the model, and the state of its optimizer.

        Arguments, forms of files and errors are those of `isozoo.saving.save_weights`.
        """
        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Loads weights that a model of the same structure saved: all of them, or none.

        Arguments, forms of files and errors are those of `isozoo.saving.load_weights`.
        """
        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """Returns the model's config as JSON text, which `models.model_from_json` reads.

        Args:
            **kwargs: arguments of `json.dumps`.
        """
        return model_to_json(self, **kwargs)
