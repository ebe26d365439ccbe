"""Which processes make a stack, with what environment, and in which order they stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.up.layout import DataFolder
from cli.up.ports import LOOPBACK
from cli.up.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One process to keep running.

    Attributes:
        name: for logs and messages.
        module: run as `python -m`.
        environment: what it gets beyond the environment of `up`.
        health_address: `host:port` where it answers grpc.health.v1.
        log_file: where its stdout and stderr go.
        stop_stage: lower ones are stopped, and gone, first.
    """

    name: str
    module: str
    environment: Mapping[str, str]
    health_address: str
    log_file: Path
    stop_stage: int


CONTROL = ("registry", "experiment", "router")
MESH = "mesh"


def replica_names(replicas: int) -> tuple[str, ...]:
    """Ids of the inference replicas.

    >>> replica_names(2)
    ('inference-1', 'inference-2')
    """
    return tuple(f"inference-{number}" for number in range(1, replicas + 1))


def internal_ports(replicas: int) -> tuple[str, ...]:
    """Names of the ports that only the stack itself uses."""
    names = replica_names(replicas)
    named = [*CONTROL, MESH, *names]
    return (
        *named,
        *(f"{name}-metrics" for name in named),
        *(f"{name}-http" for name in ("experiment", *names)),
        # Never those of a replica of ours: a table from before may still lead there.
        *(f"{name}-triton{kind}" for name in names for kind in ("", "-http")),
    )


def specs(
    folder: DataFolder,
    tokens: Tokens,
    ports: Mapping[str, int],
    *,
    replicas: int,
    data_port: int,
    admin_port: int,
    parent_pid: int,
    triton: Path | None = None,
) -> tuple[ChildSpec, ...]:
    """The processes of a stack.

    Args:
        folder: where they keep what they keep.
        tokens: what they present and accept.
        ports: by the names of `internal_ports`.
        replicas: number of inference replicas, at least 1.
        data_port: where Envoy takes predictions.
        admin_port: where Envoy takes administration.
        parent_pid: process to die with.
        triton: environment with the server that each replica is to be the agent of;
            None to have replicas run models themselves.
    """

    def address(name: str) -> str:
        return f"{LOOPBACK}:{ports[name]}"

    addresses = {f"ALGOLINK_{name.upper()}_ADDRESS": address(name) for name in CONTROL}

    def child(name: str, module: str, stop_stage: int, **more: object) -> ChildSpec:
        environment = {
            "LISTEN": address(name),
            "METRICS_LISTEN": address(f"{name}-metrics"),
            "TOKENS_FILE": tokens.accepted,
            "TOKEN_FILE": tokens.service,
            "PARENT_PID": parent_pid,
            # Nobody chooses between control services here, so nobody needs time to notice.
            **({"DRAIN_NOTICE_S": 0} if name in CONTROL else {}),
            **more,
        }
        return ChildSpec(
            name=name,
            module=module,
            environment=addresses
            | {f"ALGOLINK_{key}": str(value) for key, value in environment.items()},
            health_address=address(name),
            log_file=folder.log_file(name),
            stop_stage=stop_stage,
        )

    return (
        child(
            "registry",
            "registry_svc",
            5,
            DATABASE_URL=folder.database_url("registry"),
            ARTIFACT_DIR=folder.artifacts,
        ),
        child(
            "experiment",
            "experiment_svc",
            4,
            DATABASE_URL=folder.database_url("experiment"),
            HTTP_LISTEN=address("experiment-http"),
        ),
        child("router", "router_svc", 3, DATABASE_URL=folder.database_url("router")),
        *(
            child(
                name,
                "inference_svc",
                2,
                REPLICA_ID=name,
                CACHE_DIR=folder.inference(name),
                **(
                    {"HTTP_LISTEN": address(f"{name}-http")}
                    if triton is None
                    else {
                        "ENGINE": "triton",
                        "TRITON_ENVIRONMENT": triton,
                        "TRITON_LISTEN": address(f"{name}-triton"),
                        "TRITON_HTTP_LISTEN": address(f"{name}-triton-http"),
                    }
                ),
            )
            for name in replica_names(replicas)
        ),
        # First to stop: once Envoy has drained, nobody can miss the others.
        child(
            MESH,
            "mesh_agent",
            1,
            DATA_LISTEN=f"{LOOPBACK}:{data_port}",
            ADMIN_LISTEN=f"{LOOPBACK}:{admin_port}",
            AGENT_DIR=folder.mesh,
            NODE_ID="local",
            EXPERIMENT_HTTP_ADDRESS=address("experiment-http"),
        ),
    )
