"""CTC's loss by PyTorch's kernel."""

import torch
from torch.nn import functional as F

from ..derived.ctc import Ctc


def ctc_loss(backend, target, logits, target_length, output_length, blank):
    """The derived form's result; that form itself in compiled programs, which know no lengths."""
    if type(logits) not in (torch.Tensor, torch.nn.Parameter) or torch.compiler.is_compiling():
        return Ctc.ctc_loss(backend, target, logits, target_length, output_length, blank)
    logs = F.log_softmax(logits, -1).transpose(0, 1)
    # torch asks of all labels, those that do not count too, to be classes.
    target = target.clamp(0, logits.shape[-1] - 1)
    loss = F.ctc_loss(logs, target, output_length, target_length, blank, "none", True)
    # With zero_infinity torch's gradient has no NaN; what cannot be aligned is found by counting.
    places = torch.arange(1, target.shape[1], device=target.device)
    repeats = (target[:, 1:] == target[:, :-1]) & (places < target_length[:, None])
    return torch.where(target_length + repeats.sum(1) > output_length, float("inf"), loss)
