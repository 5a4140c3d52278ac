"""Kernels of linear algebra and Fourier transforms."""

from typing import Any, Protocol

from ...typing import Tensor


class LinalgKernels(Protocol):
    """Kernels on matrices (…, n, m), and transforms along the last axes."""

    def matmul(self, x1: Tensor, x2: Tensor, /) -> Tensor:
        """Multiplies matrices (…, n, k) and (…, k, m), or vectors, by NumPy's rule."""
        ...

    def einsum(self, subscripts: str, /, *operands: Tensor) -> Tensor:
        """Sums products by Einstein's convention."""
        ...

    def cholesky(self, x: Tensor, /) -> Tensor:
        """Gives lower L (…, n, n) with L Lᴴ = x."""
        ...

    def det(self, x: Tensor, /) -> Tensor:
        """Computes determinants: (…)."""
        ...

    def slogdet(self, x: Tensor, /) -> Any:
        """Gives signs (…) and logarithms (…) of the sizes of determinants."""
        ...

    def eig(self, x: Tensor, /) -> Any:
        """Gives eigenvalues (…, n) and eigenvectors in columns (…, n, n), complex."""
        ...

    def eigh(self, x: Tensor, /) -> Any:
        """Gives eigenvalues (…, n), ascending, and eigenvectors of Hermitian matrices."""
        ...

    def inv(self, x: Tensor, /) -> Tensor:
        """Inverts matrices (…, n, n)."""
        ...

    def qr(self, x: Tensor, mode: str, /) -> Any:
        """Gives Q with orthonormal columns and upper R; `mode` "reduced" or "complete"."""
        ...

    def solve(self, a: Tensor, b: Tensor, /) -> Tensor:
        """Gives x with a x = b for (…, n, n) and (…, n, k) or (n,)."""
        ...

    def solve_triangular(self, a: Tensor, b: Tensor, lower: bool) -> Tensor:
        """Gives x with a x = b, of `a` only one triangle."""
        ...

    def svd(self, x: Tensor, full_matrices: bool) -> Any:
        """Gives U, singular values (…, k), descending, and Vᴴ."""
        ...

    def svdvals(self, x: Tensor) -> Tensor:
        """Gives singular values (…, k), descending."""
        ...

    def pinv(self, x: Tensor, rcond: Any) -> Tensor:
        """Gives pseudo-inverses; singular values below rcond · the largest count as 0."""
        ...

    def lu(self, x: Tensor) -> Any:
        """Gives L and U in one matrix (…, n, m), and the pivots (…, k), int32."""
        ...

    def fft(self, x: Tensor, /) -> Tensor:
        """Transforms complex numbers along the last axis."""
        ...

    def fft2(self, x: Tensor, /) -> Tensor:
        """Transforms complex numbers along the last two axes."""
        ...

    def ifft2(self, x: Tensor, /) -> Tensor:
        """Inverts `fft2`."""
        ...

    def rfft(self, x: Tensor, length: int, /) -> Tensor:
        """Transforms real numbers along the last axis, cut or padded to `length`."""
        ...

    def irfft(self, x: Tensor, length: int, /) -> Tensor:
        """Inverts `rfft`."""
        ...
