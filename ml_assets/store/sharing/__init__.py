"""Branches: how they differ from ``main``, how they come into it, how they go to another store."""
