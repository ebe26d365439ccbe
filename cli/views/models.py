"""Models and versions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from algolink.registry.v1 import registry_pb2 as pb
from cli.views import text


def models(found: Sequence[pb.Model]) -> Table:
    table = text.grid("MODEL", "VERSIONS", "ALIASES", "UPDATED")
    for model in found:
        aliases = ", ".join(
            f"{name}={model.aliases[name].version}" for name in sorted(model.aliases)
        )
        table.add_row(
            model.name.removeprefix("models/"),
            str(model.latest_version),
            aliases or text.NOTHING,
            text.moment(model.update_time),
        )
    return table


def model(found: pb.Model) -> Table:
    table = text.facts()
    table.add_row("model", found.name)
    table.add_row("latest version", str(found.latest_version))
    for name in sorted(found.aliases):
        alias = found.aliases[name]
        why = f": {alias.reason}" if alias.reason else ""
        if alias.HasField("evidence"):
            why += f" (verdict of {alias.evidence.experiment})"
        table.add_row(
            f"alias {name}", f"version {alias.version} since {text.moment(alias.update_time)}{why}"
        )
    table.add_row("created", text.moment(found.create_time))
    table.add_row("updated", text.moment(found.update_time))
    table.add_row("etag", found.etag)
    return table


def versions(found: Sequence[pb.Version]) -> Table:
    table = text.grid(
        "VERSION", "STATE", "INPUTS", "OUTPUTS", "SIZE", "DIGEST", "PUSHED", "DESCRIPTION"
    )
    for version in found:
        table.add_row(
            str(version.number),
            state(version),
            tensors(version.signature.inputs),
            tensors(version.signature.outputs),
            _size(version),
            version.digest[:12],
            text.moment(version.create_time),
            version.description or text.NOTHING,
        )
    return table


def found_versions(found: Sequence[pb.Version], noted: Sequence[str]) -> Table:
    """Versions of several models, with the tags and metrics that were asked about."""
    headings = [each.partition(".")[2].upper() for each in noted]
    table = text.grid("MODEL", "VERSION", "STATE", *headings, "PUSHED", "DESCRIPTION")
    for version in found:
        model, _, number = version.name.removeprefix("models/").partition("/versions/")
        table.add_row(
            model,
            number,
            state(version),
            *(_note(version, each) for each in noted),
            text.moment(version.create_time),
            version.description or text.NOTHING,
        )
    return table


def _note(version: pb.Version, name: str) -> str:
    field, _, key = name.partition(".")
    if field == "tags":
        return version.tags.get(key, text.NOTHING)
    return f"{version.metrics[key]:g}" if key in version.metrics else text.NOTHING


def version(found: pb.Version) -> Table:
    table = text.facts()
    table.add_row("version", found.name)
    table.add_row("inputs", tensors(found.signature.inputs))
    table.add_row("outputs", tensors(found.signature.outputs))
    table.add_row("artifact", f"{_size(found)}, sha256 {found.digest}")
    table.add_row("pushed", f"{text.moment(found.create_time)} by {found.pusher or text.NOTHING}")
    why = f": {found.state_reason}" if found.state_reason else ""
    table.add_row("state", f"{state(found)} since {text.moment(found.state_time)}{why}")
    if found.HasField("purge_time"):
        table.add_row("restorable until", text.moment(found.purge_time))
    if found.description:
        table.add_row("description", found.description)
    for key in sorted(found.tags):
        table.add_row(f"tag {key}", found.tags[key])
    for name in sorted(found.metrics):
        table.add_row(f"metric {name}", f"{found.metrics[name]:g}")
    table.add_row("etag", found.etag)
    return table


def state(found: pb.Version) -> str:
    """State of a version as a word."""
    return text.enum_word(pb.VersionState.Name(found.state), "VERSION_STATE_")


def tensors(specs: Sequence[pb.TensorSpec]) -> str:
    """Tensors on one line; an axis of any size is `?`.

    >>> tensors([pb.TensorSpec(name="x", datatype="FP32", shape=[-1, 4])])
    'x FP32(?, 4)'
    """
    return ", ".join(
        f"{spec.name} {spec.datatype}({', '.join('?' if n < 0 else str(n) for n in spec.shape)})"
        for spec in specs
    )


def _size(version: pb.Version) -> str:
    if not version.folder_files:
        return text.size(version.size_bytes)
    return f"{text.size(version.total_bytes)} in {version.folder_files} files"
