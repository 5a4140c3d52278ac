"""Small forms of torchvision's and timm's networks, written with torch's functions alone.

A `State` is a state dict in the making: each call computes a layer and, when its tensors are
missing, draws them, so that a function of a network is both its definition and its weights.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def hard_sigmoid(x):
    return F.relu6(x + 3) / 6


class State(dict):
    """Name -> tensor, of layers called by their names.

    Args:
        epsilon: of batch normalizations.
        same: whether what steps has TensorFlow's borders, as in timm's `tf_` networks.
    """

    def __init__(self, epsilon: float = 1e-5, same: bool = False) -> None:
        super().__init__()
        self.epsilon, self.same = epsilon, same
        self.generator = torch.Generator().manual_seed(0)

    def drawn(self, name, shape, scale, around=0.0):
        if name not in self:
            self[name] = around + scale * torch.randn(shape, generator=self.generator)
        return self[name]

    def conv(self, name, x, outputs, kernel=1, stride=1, groups=1, bias=False):
        inputs = x.shape[1] // groups
        scale = 1.2 / (inputs * kernel * kernel) ** 0.5
        weight = self.drawn(f"{name}.weight", (outputs, inputs, kernel, kernel), scale)
        offset = self.drawn(f"{name}.bias", (outputs,), 0.2) if bias else None
        before = behind = kernel // 2
        if self.same and stride > 1:
            total = max((-(-x.shape[2] // stride) - 1) * stride + kernel - x.shape[2], 0)
            before, behind = total // 2, total - total // 2
        if kernel % 2 == 0:  # patches
            before = behind = 0
        x = F.pad(x, (before, behind, before, behind))
        return F.conv2d(x, weight, offset, stride, groups=groups)

    def norm(self, name, x):
        size = x.shape[1]
        mean = self.drawn(f"{name}.running_mean", size, 0.3)
        variance = self.drawn(f"{name}.running_var", size, 0.2, 1.0).abs_()
        weight = self.drawn(f"{name}.weight", size, 0.2, 1.0)
        self.setdefault(f"{name}.num_batches_tracked", torch.tensor(3))
        bias = self.drawn(f"{name}.bias", size, 0.2)
        return F.batch_norm(x, mean, variance, weight, bias, eps=self.epsilon)

    def layer_norm(self, name, x):
        size = x.shape[-1:]
        weight = self.drawn(f"{name}.weight", size, 0.2, 1.0)
        return F.layer_norm(x, size, weight, self.drawn(f"{name}.bias", size, 0.2), 1e-6)

    def linear(self, name, x, outputs):
        weight = self.drawn(f"{name}.weight", (outputs, x.shape[1]), x.shape[1] ** -0.5)
        return F.linear(x, weight, self.drawn(f"{name}.bias", outputs, 0.2))

    def squeeze(self, first, second, x, units, inner, gate):
        y = inner(self.conv(first, x.mean((2, 3), keepdim=True), units, bias=True))
        return x * gate(self.conv(second, y, x.shape[1], bias=True))


def vgg16_bn(s, x, filters, units, classes):
    at = 0
    for width, count in zip(filters, (2, 2, 3, 3, 3), strict=True):
        for _ in range(count):
            x = s.conv(f"features.{at}", x, width, 3, bias=True)
            x = F.relu(s.norm(f"features.{at + 1}", x))
            at += 3
        x = F.max_pool2d(x, 2)
        at += 1
    x = F.adaptive_avg_pool2d(x, 7).flatten(1)
    x = F.relu(s.linear("classifier.0", x, units))
    x = F.relu(s.linear("classifier.3", x, units))
    return s.linear("classifier.6", x, classes)


def densenet(s, x, blocks, classes):
    """With the names of layers that torchvision's files have."""
    x = F.relu(s.norm("features.norm0", s.conv("features.conv0", x, 64, 7, 2)))
    x = F.max_pool2d(x, 3, 2, 1)
    for number, count in enumerate(blocks, 1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{number}.denselayer{layer}"
            y = s.conv(f"{name}.conv.1", F.relu(s.norm(f"{name}.norm.1", x)), 128)
            y = s.conv(f"{name}.conv.2", F.relu(s.norm(f"{name}.norm.2", y)), 32, 3)
            x = torch.cat([x, y], 1)
        if number < len(blocks):
            name = f"features.transition{number}"
            x = s.conv(f"{name}.conv", F.relu(s.norm(f"{name}.norm", x)), x.shape[1] // 2)
            x = F.avg_pool2d(x, 2)
    return s.linear("classifier", F.relu(s.norm("features.norm5", x)).mean((2, 3)), classes)


def convnext(s, x, depths, filters, classes):
    """timm's."""
    last = (0, 2, 3, 1)
    x = s.layer_norm("stem.1", s.conv("stem.0", x, filters[0], 4, 4, bias=True).permute(last))
    for stage, (count, width) in enumerate(zip(depths, filters, strict=True)):
        if stage:
            name = f"stages.{stage}.downsample"
            x = s.layer_norm(f"{name}.0", x).permute(0, 3, 1, 2)
            x = s.conv(f"{name}.1", x, width, 2, 2, bias=True).permute(last)
        for block in range(count):
            name = f"stages.{stage}.blocks.{block}"
            y = s.conv(f"{name}.conv_dw", x.permute(0, 3, 1, 2), width, 7, 1, width, True)
            y = s.layer_norm(f"{name}.norm", y.permute(last)).reshape(-1, width)
            y = s.linear(
                f"{name}.mlp.fc2", F.gelu(s.linear(f"{name}.mlp.fc1", y, 4 * width)), width
            )
            x = x + y.reshape(x.shape) * s.drawn(f"{name}.gamma", width, 0.2, 0.5)
    return s.linear("head.fc", s.layer_norm("head.norm", x.mean((1, 2))), classes)


def mobilenet_v2(s, x, stages, classes):
    """timm's; stages of (channels, step, expansion, count)."""
    x = F.relu6(s.norm("bn1", s.conv("conv_stem", x, 16, 3, 2)))
    for stage, (width, step, expansion, count) in enumerate(stages):
        for block in range(count):
            name, y = f"blocks.{stage}.{block}", x
            stride, inner = step if block == 0 else 1, expansion * x.shape[1]
            convs = (
                ("conv_pw", "conv_dw", "conv_pwl") if expansion > 1 else ("", "conv_dw", "conv_pw")
            )
            at = 1
            if expansion > 1:
                y, at = F.relu6(s.norm(f"{name}.bn1", s.conv(f"{name}.{convs[0]}", y, inner))), 2
            y = s.conv(f"{name}.{convs[1]}", y, inner, 3, stride, inner)
            y = s.conv(f"{name}.{convs[2]}", F.relu6(s.norm(f"{name}.bn{at}", y)), width)
            y = s.norm(f"{name}.bn{at + 1}", y)
            x = x + y if x.shape == y.shape else y
    x = F.relu6(s.norm("bn2", s.conv("conv_head", x, 1280)))
    return s.linear("classifier", x.mean((2, 3)), classes)


def mobilenet_v3(s, x, blocks, last, classes):
    """torchvision's; blocks of (inner channels, channels, kernel, step, squeezes, hard swish)."""
    swish = F.hardswish
    x = swish(s.norm("features.0.1", s.conv("features.0.0", x, 16, 3, 2)))
    for number, (inner, width, kernel, step, squeezes, curved) in enumerate(blocks, 1):
        act, y, at = swish if curved else F.relu, x, 0
        name = f"features.{number}.block"
        if number > 1:
            y, at = act(s.norm(f"{name}.0.1", s.conv(f"{name}.0.0", y, inner))), 1
        y = s.conv(f"{name}.{at}.0", y, inner, kernel, step, inner)
        y = act(s.norm(f"{name}.{at}.1", y))
        if squeezes:
            at += 1
            units = max(8, (inner // 4 + 4) // 8 * 8)
            place = f"{name}.{at}"
            y = s.squeeze(f"{place}.fc1", f"{place}.fc2", y, units, F.relu, hard_sigmoid)
        y = s.norm(f"{name}.{at + 1}.1", s.conv(f"{name}.{at + 1}.0", y, width))
        x = x + y if x.shape == y.shape else y
    name = f"features.{len(blocks) + 1}"
    x = swish(s.norm(f"{name}.1", s.conv(f"{name}.0", x, 6 * x.shape[1])))
    x = swish(s.linear("classifier.0", x.mean((2, 3)), last))
    return s.linear("classifier.3", x, classes)


def efficientnet(s, x, stages, stem, top, classes):
    """timm's; stages of (count, channels, expansion, step, kernel, whether depthwise)."""
    x = F.silu(s.norm("bn1", s.conv("conv_stem", x, stem, 3, 2)))
    for stage, (count, width, expansion, step, kernel, deep) in enumerate(stages):
        for block in range(count):
            name, stride, inner = f"blocks.{stage}.{block}", step if block == 0 else 1, x.shape[1]
            inner *= expansion
            if not deep and expansion == 1:
                y = F.silu(s.norm(f"{name}.bn1", s.conv(f"{name}.conv", x, width, kernel, stride)))
            elif not deep:
                y = s.conv(f"{name}.conv_exp", x, inner, kernel, stride)
                y = s.conv(f"{name}.conv_pwl", F.silu(s.norm(f"{name}.bn1", y)), width)
                y = s.norm(f"{name}.bn2", y)
            else:
                y, at, project = x, 1, "conv_pw"
                if expansion > 1:
                    y = F.silu(s.norm(f"{name}.bn1", s.conv(f"{name}.conv_pw", x, inner)))
                    at, project = 2, "conv_pwl"
                y = s.conv(f"{name}.conv_dw", y, inner, kernel, stride, inner)
                y = F.silu(s.norm(f"{name}.bn{at}", y))
                first, second = f"{name}.se.conv_reduce", f"{name}.se.conv_expand"
                y = s.squeeze(first, second, y, max(1, x.shape[1] // 4), F.silu, torch.sigmoid)
                y = s.norm(f"{name}.bn{at + 1}", s.conv(f"{name}.{project}", y, width))
            x = x + y if x.shape == y.shape else y
    x = F.silu(s.norm("bn2", s.conv("conv_head", x, top)))
    return s.linear("classifier", x.mean((2, 3)), classes)
