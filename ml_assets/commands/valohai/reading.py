"""A ``valohai.yaml`` file, parsed by Valohai's own library, and held against all that this lets through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.commands.valohai.faults import faults
from ml_assets.errors import InvalidProblem

if TYPE_CHECKING:
    from valohai_yaml.objs import Config


def read(path: Path) -> Config:
    """What a file declares.

    Raises:
        InvalidProblem: if it cannot be read, or something in it makes no sense.
    """
    config, data = _parsed(path)
    if found := list(faults(config, data)):
        raise InvalidProblem("\n    ".join([f"{path} makes no sense in {len(found)} places:", *found]))
    return config


def _parsed(path: Path) -> tuple[Config, list[dict[str, Any]]]:
    try:
        import yaml
        from valohai_yaml import parse
        from valohai_yaml.excs import InvalidType, ValidationError
    except ImportError as error:
        raise InvalidProblem(
            f"{path} is read by valohai-yaml, which is not installed: pip install ml_assets[valohai]"
        ) from error
    if not path.is_file():
        raise InvalidProblem(f"There is no file {path}. Its path is from the folder of the module that names it.")
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _loader())  # noqa: S506  # a SafeLoader that refuses more
        return parse(data), data or []
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError, InvalidType, TypeError, ValueError, KeyError) as error:
        raise InvalidProblem(f"{path} is no valohai.yaml: {error}") from error


def _loader() -> Any:
    """YAML's own, which takes the last of several equal keys, as nobody means it."""
    import yaml

    class OnceOnly(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {twice[0]!r} stands twice", node.start_mark
                )
            made: dict[Any, Any] = super().construct_mapping(node, deep)
            return made

    return OnceOnly
