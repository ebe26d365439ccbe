"""The bootstrap on disk: Envoy's configuration, made of the agent's settings."""

from __future__ import annotations

import yaml

from algolink.errors import FailedPrecondition
from chassis import auth
from chassis.addresses import split_address, split_addresses
from mesh import bootstrap, table
from mesh_agent.envoy_admin import SOCKET_NAME
from mesh_agent.settings import Settings

EXPOSURE_LOG_NAME = "exposure.log"


def render(settings: Settings) -> bytes:
    """The bootstrap as YAML; equal settings make equal bytes.

    It holds a token: whoever writes it keeps it from other users' eyes.

    Raises:
        InvalidArgument: ADDRESS_INVALID.
        FailedPrecondition: TOKEN_FILE_UNREADABLE, or PORT_NOT_FIXED if a
            listener's port is 0.
    """
    first, *others = split_addresses(settings.router_address)
    params = bootstrap.BootstrapParams(
        node_id=settings.node_id,
        router=table.Endpoint(*first),
        more_routers=tuple(table.Endpoint(*address) for address in others),
        registry=_endpoint(settings.registry_address),
        experiment=_endpoint(settings.experiment_address),
        data=listener(settings.data_listen),
        admin=listener(settings.admin_listen),
        token=auth.read_token(settings.token_file) or "",
        exposure_log_path=EXPOSURE_LOG_NAME,
        admin_socket_path=SOCKET_NAME,
        experiment_http=(
            _endpoint(settings.experiment_http_address)
            if settings.experiment_http_address
            else None
        ),
    )
    return yaml.safe_dump(bootstrap.bootstrap(params), sort_keys=False).encode()


def listener(address: str) -> table.Endpoint:
    """Address of a listener, whose port clients must know."""
    endpoint = _endpoint(address)
    if endpoint.port == 0:
        raise FailedPrecondition(
            "PORT_NOT_FIXED", f"{address}: a listener of Envoy needs a fixed port", address=address
        )
    return endpoint


def _endpoint(address: str) -> table.Endpoint:
    return table.Endpoint(*split_address(address))
