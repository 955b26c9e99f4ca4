"""What a container executes: the image's environment and entry point, its command, and values from elsewhere."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets_tests.doubles.kubernetes_api.objects import Key, Object, Objects

VARIABLE = re.compile(r"\$\$|\$\((\w+)\)")


class NotConfigured(Exception):
    """A ConfigMap, Secret or key that a container needs is not there."""


@dataclass(frozen=True)
class Image:
    """What this machine has of an image: its environment, what it starts by itself, where, and how: as Popen or quicker."""

    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cwd: str = "/tmp"
    start: Callable[..., Any] = subprocess.Popen


def command(
    pod: Object, container: Object, image: Image, objects: Objects, folders: Mapping[str, Path]
) -> tuple[list[str], dict[str, str]]:
    """The arguments and the environment of a container's process.

    Args:
        folders: what is mounted, by volume.
    """
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", **image.env, "HOSTNAME": _hostname(pod)}
    for source in container.get("envFrom") or ():
        env |= _values(objects, pod, source)
    for entry in container.get("env") or ():
        source = entry.get("valueFrom")
        env[entry["name"]] = _value(objects, pod, source) if source else entry.get("value") or ""
    argv = [*(container.get("command") or image.entrypoint), *(container.get("args") or ())]
    expanded = [VARIABLE.sub(lambda found: env.get(found[1], found[0]) if found[1] else "$", word) for word in argv]
    mounts = {
        one["mountPath"]: folders[one["name"]] for one in container.get("volumeMounts") or () if _is_in(folders, one)
    }

    def here(text: str) -> str:
        return _mounted(mounts, _resolved(pod, text))

    return [here(word) for word in expanded], {name: here(value) for name, value in env.items()}


def _is_in(folders: Mapping[str, Path], mount: Object) -> bool:
    return mount["name"] in folders and "subPath" not in mount


def _mounted(mounts: Mapping[str, Path], text: str) -> str:
    for path, folder in mounts.items():
        text = text.replace(path, str(folder))
    return text


def _hostname(pod: Object) -> str:
    return str(pod["spec"].get("hostname") or pod["metadata"]["name"])


def _resolved(pod: Object, text: str) -> str:
    """Pods of a headless service find each other at ``<hostname>.<subdomain>``: here they are all on this machine."""
    subdomain = pod["spec"].get("subdomain")
    return re.sub(rf"[\w-]+\.{re.escape(subdomain)}(\.[\w.-]+)?", "127.0.0.1", text) if subdomain else text


def _values(objects: Objects, pod: Object, source: Object) -> dict[str, str]:
    if "configMapRef" in source:
        return _data(objects, pod, "configmaps", source["configMapRef"])
    return _data(objects, pod, "secrets", source["secretRef"])


def _value(objects: Objects, pod: Object, source: Object) -> str:
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    resource, ref = ("secrets", "secretKeyRef") if "secretKeyRef" in source else ("configmaps", "configMapKeyRef")
    data, key = _data(objects, pod, resource, source[ref]), source[ref]["key"]
    if key not in data:
        raise NotConfigured(f"couldn't find key {key} in {resource} {source[ref]['name']}")
    return data[key]


def _field(pod: Object, path: str) -> str:
    named = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if named:
        return str((pod["metadata"].get(named[1]) or {}).get(named[2], ""))
    at: Any = {**pod, "status": {"podIP": "127.0.0.1", **pod.get("status", {})}}
    for name in path.split("."):
        at = at.get(name, "")
    return str(at)


def _data(objects: Objects, pod: Object, resource: str, ref: Object) -> dict[str, str]:
    found = objects.all.get(Key(resource, pod["metadata"]["namespace"], ref["name"]))
    if not found and ref.get("optional"):
        return {}
    if not found:
        raise NotConfigured(f'{resource[:-1]} "{ref["name"]}" not found')
    data = {
        k: base64.b64decode(v).decode() if resource == "secrets" else v for k, v in (found.get("data") or {}).items()
    }
    return data | (found.get("stringData") or {})
