"""Config: named values as attributes."""

import difflib
import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any


class Config:
    """Holds named values, which are read and set as attributes or as items.

    A frozen one refuses changes.

    Args:
        **kwargs: the values by their names.
    """

    def __init__(self, **kwargs: Any) -> None:
        vars(self)["_config"] = kwargs
        vars(self)["_frozen"] = False

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return vars(self)["_frozen"]

    def freeze(self) -> None:
        """Refuses changes from now on."""
        vars(self)["_frozen"] = True

    def unfreeze(self) -> None:
        """Permits changes again."""
        vars(self)["_frozen"] = False

    def as_dict(self) -> dict[str, Any]:
        """Returns the values in a new dict."""
        return dict(self._config)

    def to_json(self) -> str:
        """Returns the values as JSON. TypeError for one that JSON cannot hold."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """Returns a view of the names."""
        return self._config.keys()

    def values(self) -> ValuesView[Any]:
        """Returns a view of the values."""
        return self._config.values()

    def items(self) -> ItemsView[str, Any]:
        """Returns a view of pairs (name, value)."""
        return self._config.items()

    def pop(self, *args: Any) -> Any:
        """Removes a value and returns it, as `dict.pop` does. ValueError if frozen."""
        return self._changeable().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Sets several values, as `dict.update` does. ValueError if frozen."""
        self._changeable().update(*args, **kwargs)

    def get(self, keyname: str, value: Any = None) -> Any:
        """Returns the value called `keyname`, or `value` if there is none."""
        return self._config.get(keyname, value)

    def _changeable(self) -> dict[str, Any]:
        if self.frozen:
            raise ValueError(
                "Cannot mutate attribute(s) because the config is frozen. Call `unfreeze()` first."
            )
        return self._config

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) or hasattr(type(self), name):
            object.__setattr__(self, name, value)  # which refuses a property
        else:
            self._changeable()[name] = value

    def __getattr__(self, name: str) -> Any:
        values = vars(self).get("_config", {})
        if name in values:
            return values[name]
        text = f"Unknown attribute: '{name}'."
        near = difflib.get_close_matches(name, list(values), n=1, cutoff=0.7)
        raise AttributeError(f"{text} Did you mean '{near[0]}'?" if near else text)

    def __setitem__(self, key: str, item: Any) -> None:
        self._changeable()[key] = item

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __delitem__(self, key: str) -> None:
        del self._changeable()[key]

    def __contains__(self, item: object) -> bool:
        return item in self._config

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
