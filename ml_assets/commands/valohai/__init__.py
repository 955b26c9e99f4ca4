"""x."""


def valohai_step() -> None:
    """x."""
