"""The rpcs of lineage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from algolink.errors import InvalidArgument
from algolink.names import VersionName
from algolink.registry.v1 import lineage_pb2 as pb
from algolink.registry.v1 import lineage_pb2_grpc
from chassis import auth, watch
from registry_svc import actors, convert_lineage, tracing
from registry_svc.domain import lineage, lineage_graph
from registry_svc.domain.lineage import DatasetUse
from registry_svc.domain.lineage_graph import Graph, Node, NodeKind
from registry_svc.recording import Recorder
from registry_svc.servicer import Context
from registry_svc.store import Reader, Store

_log = logging.getLogger(__name__)

_UPSTREAM = (pb.DIRECTION_UPSTREAM, pb.DIRECTION_BOTH)
_DOWNSTREAM = (pb.DIRECTION_DOWNSTREAM, pb.DIRECTION_BOTH)


class LineageServicer(lineage_pb2_grpc.LineageServiceServicer):
    """Parses, loads, decides, saves and replies.

    Args:
        changes: notified after each write.
    """

    def __init__(
        self, store: Store, *, now: Callable[[], datetime], changes: watch.Notifier
    ) -> None:
        self._store = store
        self._now = now
        self._changes = changes

    async def RecordLineage(self, request: pb.RecordLineageRequest, context: Context) -> pb.Lineage:
        at, actor = self._now(), actors.of(context)
        wanted = lineage.check(
            convert_lineage.lineage_from_proto(request.lineage, recorder=actor.name, at=at)
        )
        async with self._store.writing() as writer:
            await writer.get_version(wanted.version)
            for parent in wanted.parents:
                await writer.get_version(parent.version)
            present = (await writer.find_lineages([wanted.version])).get(wanted.version)
            recorded = lineage.check_new(present, wanted)
            if recorded is not present:
                lineage.check_no_cycle(recorded.version, await tracing.ancestors(writer, recorded))
                await Recorder(writer, actor, "RecordLineage", at).add_lineage(recorded)
        self._changes.notify()
        _log.info(
            "lineage recorded",
            extra={"version": str(recorded.version), "caller": auth.caller().name},
        )
        return convert_lineage.lineage_to_proto(recorded)

    async def GetLineage(self, request: pb.GetLineageRequest, context: Context) -> pb.Lineage:
        name = VersionName.parse(request.version)
        async with self._store.reading() as reader:
            await reader.get_version(name)
            found = (await reader.find_lineages([name])).get(name)
        if found is None:
            raise lineage.not_recorded(name)
        return convert_lineage.lineage_to_proto(found)

    async def TraceLineage(
        self, request: pb.TraceLineageRequest, context: Context
    ) -> pb.LineageGraph:
        depth = _depth(request.depth)
        if request.direction not in {*_UPSTREAM, *_DOWNSTREAM}:
            raise InvalidArgument(
                "DIRECTION_INVALID", "a direction is needed: upstream, downstream or both"
            )
        async with self._store.reading() as reader:
            if request.start.startswith("models/"):
                found = await _from_version(reader, request, depth)
            else:
                found = await _from_dataset(reader, request, depth)
        return convert_lineage.graph_to_proto(found)

    async def FindDatasetUsers(
        self, request: pb.FindDatasetUsersRequest, context: Context
    ) -> pb.FindDatasetUsersResponse:
        lineage.check_dataset(request.uri, request.digest)
        async with self._store.reading() as reader:
            direct = await _users(reader, request.uri, request.digest)
            reached = await tracing.downstream(reader, direct)
            names = sorted(reached.origin)
            aliases = await reader.aliases_of(names)
        return pb.FindDatasetUsersResponse(
            users=[
                pb.DatasetUser(
                    version=str(name),
                    aliases=aliases.get(name, ()),
                    path=[str(step) for step in reached.path(name)],
                )
                for name in names
                if name in aliases or not request.in_production
            ]
        )


async def _from_version(reader: Reader, request: pb.TraceLineageRequest, depth: int) -> Graph:
    start = VersionName.parse(request.start)
    await reader.get_version(start)
    found: dict[VersionName, None] = {}
    is_cut = False
    for wanted, follow in ((_UPSTREAM, tracing.upstream), (_DOWNSTREAM, tracing.downstream)):
        if request.direction in wanted:
            reached = await follow(reader, [start], depth=depth)
            found |= dict.fromkeys(reached.origin)
            is_cut = is_cut or reached.is_cut
    return await _graph(reader, (), list(found), is_cut=is_cut)


async def _from_dataset(reader: Reader, request: pb.TraceLineageRequest, depth: int) -> Graph:
    uri, _, digest = request.start.removeprefix("dataset:").partition("@")
    lineage.check_dataset(uri, digest)
    direct = await _users(reader, uri, digest)
    reached = await tracing.downstream(reader, direct, depth=depth)
    used = DatasetUse(uri=uri, digest=digest)
    start = Node(lineage_graph.dataset_id(used), NodeKind.DATASET)
    return await _graph(reader, [start], list(reached.origin), is_cut=reached.is_cut)


async def _graph(
    reader: Reader, start: Sequence[Node], names: Sequence[VersionName], *, is_cut: bool
) -> Graph:
    lineages: Mapping[VersionName, lineage.Lineage] = await reader.find_lineages(names)
    aliases = await reader.aliases_of(names)
    return lineage_graph.graph(start, names, lineages, aliases, is_cut=is_cut)


async def _users(reader: Reader, uri: str, digest: str) -> Sequence[VersionName]:
    found = await reader.users_of(uri, digest, limit=lineage_graph.MAX_NODES + 1)
    lineage_graph.check_size(len(found))
    if not found:
        raise lineage.dataset_not_found(uri)
    return found


def _depth(requested: int) -> int:
    if not 0 <= requested <= tracing.MAX_DEPTH:
        raise InvalidArgument(
            "DEPTH_INVALID", f"depth {requested} is not 0 to {tracing.MAX_DEPTH}", depth=requested
        )
    return requested or tracing.MAX_DEPTH
