"""What makes a layer created on torch a `torch.nn.Module`."""

from torch import nn


class TorchLayer(nn.Module):
    """Mixed into the class of every layer that is created on torch.

    Calls go through `nn.Module.__call__`, so hooks run; weights stand in `_parameters` and
    `_buffers`, where functional calls, FSDP and `load_state_dict` expect to swap them.
    """

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
        """A function that registers a tensor; returns the table and key to read it back from."""

        def register(box):
            table = self._parameters if isinstance(box, nn.Parameter) else self._buffers
            table[name] = box
            return table, name

        return register

    def _native_child(self, name, child):
        if child is None:
            self._modules.pop(name, None)
        else:
            self._modules[name] = child

    def _native_children(self, name, children):
        """A container of layers: an `nn.Module` that only names them."""
        if children:
            holder = nn.Module()
            for key, child in children.items():
                holder._modules[str(key)] = child
            self._modules[name] = holder
        else:
            self._modules.pop(name, None)
