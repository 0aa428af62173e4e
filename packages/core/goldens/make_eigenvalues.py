"""Eigenvalues by LAPACK, of matrices that any language can write down exactly.

    python make_eigenvalues.py > eigenvalues.json      # needs NumPy; run with 2.4.6 (OpenBLAS)

integers: a[i, j] = (37 i j + 101 (i + j) + 13 i i j j) mod 1009 - 504
gram:     f f^T with f[i, j] = (37 i j + 101 i + 7 j + 13 i i j) mod 11 - 5, [n, n / 4]: three quarters of the eigenvalues are 0
graded:   integers times 2^-(i + j)
"""

import json

import numpy as np


def integers(n):
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    return ((37 * i * j + 101 * (i + j) + 13 * i * i * j * j) % 1009 - 504).astype(float)


def gram(n):
    i, j = np.meshgrid(np.arange(n), np.arange(n // 4), indexing="ij")
    f = ((37 * i * j + 101 * i + 7 * j + 13 * i * i * j) % 11 - 5).astype(float)
    return f @ f.T


def graded(n):
    k = np.arange(n)
    return integers(n) * 2.0 ** -(k[:, None] + k[None, :])


cases = [("integers", integers, 7), ("integers", integers, 66), ("integers", integers, 131), ("gram", gram, 64), ("graded", graded, 20)]
print(json.dumps([{"kind": kind, "n": n, "eigenvalues": np.linalg.eigvalsh(make(n)).tolist()} for kind, make, n in cases]))
