"""Linear algebra on PyTorch, where its functions are not the kernels already."""

import torch
from torch._C._functorch import is_functorch_wrapped_tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad


class TorchLinalg:
    """Kernels of linear algebra."""

    def concrete(self, x):
        if torch.compiler.is_compiling() or isinstance(x, FakeTensor):
            return False
        return not is_functorch_wrapped_tensor(x)

    def _differentiated(self, x):
        """Whether derivatives by `x` may be asked for."""
        return x.requires_grad or forward_ad._current_level >= 0 or not self.concrete(x)

    def det(self, x):
        # Torch's own derivative by a singular matrix is 0.
        if not self._differentiated(x) or x.shape[-1] == 0:
            return torch.linalg.det(x)
        if self.concrete(x):
            y = torch.linalg.det(x)
            if (y != 0).all():
                return y
        return super().det_with_singular(x, torch.linalg.det)  # pyright: ignore

    def hermitian(self, x, upper=False):
        # The kernels read one triangle by themselves; only derivatives need it said.
        if self._differentiated(x):
            return super().hermitian(x, upper)  # pyright: ignore[reportAttributeAccessIssue]
        return self.adjoint(x) if upper else x  # pyright: ignore[reportAttributeAccessIssue]

    def length(self, x, axis, keepdims):
        return torch.linalg.vector_norm(x, 2, axis, keepdims)

    def solve_triangular(self, a, b, lower):
        return torch.linalg.solve_triangular(a, b, upper=not lower)

    def svd(self, x, full_matrices):
        return torch.linalg.svd(x, full_matrices=full_matrices)

    def svdvals(self, x):
        return torch.linalg.svdvals(x)

    def pinv(self, x, rcond):
        if not (x.is_complex() and torch.compiler.is_compiling()):
            return torch.linalg.pinv(x, rtol=rcond)
        # Compiled by torch 2.13, the result of its own is another one.
        u, s, v = torch.linalg.svd(x, full_matrices=False)
        kept = s > rcond * s.amax(-1, True) if s.shape[-1] else s > 0
        inverse = torch.where(kept, 1 / s, 0).to(x.dtype)
        return (v.mH * inverse.unsqueeze(-2)) @ u.mH

    def lu(self, x):
        factors, pivots = torch.linalg.lu_factor(x)
        return factors, pivots - 1  # LAPACK counts from 1

    def cdist(self, x, y):
        # The other modes lose digits in |x|^2 - 2xy + |y|^2.
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
