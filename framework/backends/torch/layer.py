"""What makes a layer created on torch a `torch.nn.Module`."""

from typing import Any

from torch import nn


class TorchLayer(nn.Module):
    """Mixed into the class of every layer that is created on torch.

    Calls go through `nn.Module.__call__`, so hooks run; weights stand in `_parameters` and
    `_buffers`, where functional calls, FSDP and `load_state_dict` expect to swap them.
    """

    # The layer's own, which this class is mixed with.
    _invoke: Any
    _track: Any
    _untrack: Any

    def __call__(self, *args, **kwargs):
        return nn.Module.__call__(self, *args, **kwargs)

    def forward(self, *args, **kwargs):
        """The layer's own call; torch's hooks run around it."""
        return self._invoke(*args, **kwargs)

    def __setattr__(self, name, value):
        self._track(name, value)

    def __delattr__(self, name):
        self._untrack(name)

    def _native_init(self):
        nn.Module.__init__(self)
        # Keras's default: a layer infers until it is told to train.
        self.training = False

    def _native_weight(self, name):
        return _registration(self, name)

    def _native_child(self, name, child):
        if child is None:
            self._modules.pop(name, None)
        else:
            self._modules[name] = child

    def _native_children(self, name, entries, view):
        """A list or dict of layers is torch's own; any other becomes a module that only names."""
        if not entries:
            self._modules.pop(name, None)
            return None
        native = _container(entries, view)
        self._modules[name] = _holder(entries) if native is None else native
        return native


class LayerList(nn.ModuleList):
    """A list of layers on torch, with the methods of `list` that torch leaves out."""

    is_layer_view = True

    def entries(self):
        """The layers by their position."""
        return dict(self._modules)

    def plain(self):
        """An ordinary list of the same."""
        return list(self)

    def index(self, layer):
        """The position of `layer`. ValueError when it is not in the list."""
        return list(self).index(layer)

    def remove(self, layer):
        """Take `layer` out of the list. ValueError when it is not in it."""
        del self[self.index(layer)]

    def clear(self):
        """Take all layers out of the list."""
        self._modules.clear()


class LayerDict(nn.ModuleDict):
    """A dict of layers on torch."""

    is_layer_view = True

    def entries(self):
        """The layers by their key."""
        return dict(self._modules)

    def plain(self):
        """An ordinary dict of the same."""
        return dict(self._modules)

    def get(self, key, default=None):
        """The layer at `key`, or `default`."""
        return self[key] if key in self else default


def _container(entries, view):
    if len(entries) != len(view) or not all(isinstance(x, nn.Module) for x in entries.values()):
        return None
    if not isinstance(view, dict):
        return LayerList(entries.values())
    # Keys that torch has no place for: not strings, with dots, or names of its own methods.
    plain = all(isinstance(k, str) and "." not in k and not hasattr(LayerDict, k) for k in view)
    return LayerDict(view) if plain else None


def _holder(entries):
    """A module that has layers, weights and inner lists under their keys."""
    holder = nn.Module()
    for key, child in entries.items():
        if isinstance(child, nn.Module):
            holder._modules[key] = child
        elif hasattr(child, "entries"):
            holder._modules[key] = _holder(child.entries())
        elif hasattr(child, "house"):
            child.house(_registration(holder, key))
    return holder


def _registration(module, name):
    """A function that registers a tensor; returns the table and key to read it back from."""

    def register(box):
        table = module._parameters if isinstance(box, nn.Parameter) else module._buffers
        table[name] = box
        return table, name

    return register
