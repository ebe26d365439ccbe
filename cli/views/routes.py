"""Routes, explanations and who is connected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from algolink.router.v1 import router_pb2 as pb
from cli import shares
from cli.views import rules, text


def routes(found: Sequence[pb.Route]) -> Table:
    table = text.grid("MODEL", "CHAMPION", "VERSIONS", "EXPERIMENT", "SPLIT", "LIVE", "REVISION")
    for route in found:
        table.add_row(
            route.model,
            str(route.champion_version),
            ", ".join(str(version) for version in route.versions),
            _experiment(route) or ("shift" if route.HasField("split") else text.NOTHING),
            _split(route) or text.NOTHING,
            "yes" if route.live else "not yet",
            route.revision,
        )
    return table


def route(found: pb.Route) -> RenderableType:
    table = text.facts()
    table.add_row("model", found.model)
    table.add_row("champion", f"version {found.champion_version}")
    table.add_row("versions", ", ".join(str(version) for version in found.versions))
    table.add_row("live", "yes" if found.live else "not yet on every Envoy")
    table.add_row("revision", f"{found.revision} of {text.moment(found.update_time)}")
    for sentence in found.pending:
        table.add_row("pending", sentence)
    for sentence in found.rejections:
        table.add_row("refused by", sentence)
    if found.killed_versions:
        table.add_row("killed", ", ".join(str(version) for version in found.killed_versions))
    if found.frozen:
        table.add_row("frozen", "yes")
    for sentence in found.proxyless_limitations:
        table.add_row("proxyless", sentence)
    rules.add(table, found.rules)
    if not found.HasField("split"):
        return table
    if found.split.experiment:
        table.add_row("experiment", f"{_experiment(found)}, phase {found.split.phase}")
    else:
        table.add_row("shift", _split(found))
    table.add_row("unit", "each request" if found.split.per_request else "x-algolink-unit")
    table.add_row("salt", found.split.salt)
    return Group(table, "", segments(found.split.segments))


def segments(found: Iterable[pb.SplitSegment]) -> Table:
    table = text.grid("BUCKETS", "ARM", "VERSION", "SHARE")
    for segment in found:
        table.add_row(
            f"{segment.start}-{segment.end - 1}",
            segment.arm,
            str(segment.version),
            shares.percent(segment.end - segment.start),
        )
    return table


def summary(found: pb.Route) -> str:
    """A route in a few words."""
    parts = [f"champion {found.champion_version}"]
    if found.HasField("split"):
        parts.append(f"{_experiment(found) or 'shift'}: {_split(found)}")
    if found.rules.revision:
        parts.append(f"rules: {rules.summary(found.rules)}")
    if found.killed_versions:
        parts.append(f"killed {', '.join(map(str, found.killed_versions))}")
    return "; ".join(parts)


def explanation(found: pb.Explanation) -> RenderableType:
    table = text.facts()
    version = f"version {found.version}" if found.version else "refused"
    table.add_row("answer", f"{found.model} {version}")
    if found.experiment:
        table.add_row("arm", f"{found.arm} of {found.experiment}, phase {found.phase}")
    elif found.arm:
        table.add_row("arm", f"{found.arm} of the shift")
    if found.HasField("bucket"):
        table.add_row("bucket", f"{found.bucket}, in {found.segment.start}-{found.segment.end - 1}")
    if found.HasField("holdout_bucket"):
        table.add_row("holdout bucket", str(found.holdout_bucket))
    if found.fallback_version:
        table.add_row("if it fails", f"version {found.fallback_version} answers")
    if found.shadow_version:
        share = shares.percent(found.shadow_share_bp)
        table.add_row("copies", f"{share} go to version {found.shadow_version}")
    if found.experiment_revision:
        table.add_row("split", f"revision {found.experiment_revision}")
    if found.rules_revision:
        table.add_row("rules", f"decision {found.rules_revision}")
    table.add_row("route", found.route_revision)
    asked = text.grid("", "RULE", "WHY")
    for rule in found.rules:
        asked.add_row("->" if rule.decided else "", rule.rule, rule.why)
        for condition in rule.conditions:
            holds = "holds" if condition.holds else "does not hold"
            asked.add_row("", "", f"  {condition.condition}: {holds} ({condition.found})")
    return Group(table, "", asked)


def replicas(status: pb.Status) -> Table:
    table = text.grid("REPLICA", "POOL", "ALIVE", "GRPC", "REST", "VERSIONS")
    for replica in status.replicas:
        table.add_row(
            replica.id,
            replica.pool,
            "yes" if replica.alive else "no",
            replica.grpc_address,
            replica.http_address,
            ", ".join(_loaded(version) for version in replica.versions) or text.NOTHING,
        )
    return table


def envoys(status: pb.Status) -> Table:
    table = text.grid("ENVOY", "CONNECTED", "UP TO DATE", "REFUSED")
    for envoy in status.envoys:
        table.add_row(
            envoy.id,
            "yes" if envoy.connected else "no",
            "yes" if envoy.up_to_date else "no",
            envoy.rejected or text.NOTHING,
        )
    return table


def _loaded(version: pb.LoadedVersion) -> str:
    state = text.enum_word(pb.LoadState.Name(version.state), "LOAD_STATE_")
    why = f" ({version.message})" if version.message else ""
    return f"{version.model}:{version.version} {state}{why}"


def _experiment(route: pb.Route) -> str:
    return route.split.experiment.removeprefix("experiments/")


def _split(route: pb.Route) -> str:
    totals: dict[str, int] = {}
    for segment in route.split.segments:
        totals[segment.arm] = totals.get(segment.arm, 0) + segment.end - segment.start
    return ", ".join(f"{arm} {shares.percent(weight)}" for arm, weight in totals.items())
