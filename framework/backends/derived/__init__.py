"""Kernels made of primitives, by subject. A backend overrides one where it has a better one."""
