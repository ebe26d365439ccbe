"""The targets by name, and the options that say how each is rendered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from algolink.errors import InvalidArgument
from mesh import table
from mesh.targets import envoy, gateway_api, istio
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.rendering import Rendering

Render = Callable[[table.Snapshot], Rendering]
Function = TypeVar("Function", bound=Callable[..., Any])

TARGETS = ("envoy", "istio", "gateway-api")
_KUBERNETES = {"istio": istio.render, "gateway-api": gateway_api.render}
_DEFAULTS = KubernetesParameters()


table_option = click.option(
    "--table",
    "table_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A table of `algolink route export`, - for standard input; without it, the one served.",
)


def rendering_options(function: Function, *, needs_target: bool = True) -> Function:
    """Adds the options of a target; the command gets a `Render` named `render`.

    Args:
        function: the command.
        needs_target: False for a command that may do without; it then gets None.
    """

    @functools.wraps(function)
    def with_render(
        *arguments: Any,
        target: str | None,
        dynamic: bool,
        listen: str,
        folder: str,
        exposure_log: str,
        **more: Any,
    ) -> Any:
        names = {key: more.pop(key) for key in (*_KUBERNETES_OPTIONS, "replicas")}
        if target != "istio" and names["replicas"] != _DEFAULTS.replicas:
            raise click.UsageError("--replicas entries is for --target istio")
        if dynamic and target != "envoy":
            raise click.UsageError("--dynamic is for --target envoy")
        render: Render | None = None
        if target in _KUBERNETES:
            kubernetes = KubernetesParameters(**names)
            render = functools.partial(_KUBERNETES[target], parameters=kubernetes)
        elif target is not None:
            parameters = envoy.EnvoyParameters(
                listen=endpoint(listen, "--listen"), folder=folder, exposure_log_path=exposure_log
            )
            render = functools.partial(
                envoy.files if dynamic else envoy.static, parameters=parameters
            )
        return function(*arguments, render=render, **more)

    decorated: Any = with_render
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    wrapped: Function = click.option(
        "--target", type=click.Choice(TARGETS), required=needs_target, help="What it is for."
    )(decorated)
    return wrapped


def followed_options(function: Function) -> Function:
    """Adds the options of files that an Envoy follows; the command gets a `Render`."""

    @functools.wraps(function)
    def with_render(
        *arguments: Any, listen: str, folder: str, exposure_log: str, **more: Any
    ) -> Any:
        parameters = envoy.EnvoyParameters(
            listen=endpoint(listen, "--listen"), folder=folder, exposure_log_path=exposure_log
        )
        render = functools.partial(envoy.files, parameters=parameters)
        return function(*arguments, render=render, **more)

    decorated: Any = with_render
    for option in reversed(_ENVOY_OPTIONS):
        decorated = option(decorated)
    wrapped: Function = decorated
    return wrapped


def endpoint(address: str, option: str) -> table.Endpoint:
    """The address that an option names.

    Raises:
        InvalidArgument: ADDRESS_INVALID.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise InvalidArgument(
            "ADDRESS_INVALID", f"{address}: {option} must be HOST:PORT", address=address
        )
    return table.Endpoint(host.strip("[]"), int(port))


def _kubernetes(name: str, help_text: str) -> Callable[[Any], Any]:
    default = getattr(_DEFAULTS, name)
    return click.option(
        f"--{name.replace('_', '-')}", name, default=default, show_default=True, help=help_text
    )


_KUBERNETES_OPTIONS = {
    "domain": "A model's host is MODEL.DOMAIN.  (istio, gateway-api)",
    "namespace": "Of the replicas and their Services.  (istio, gateway-api)",
    "gateway_namespace": "Of the gateway and the routes.  (istio, gateway-api)",
    "gateway": "Label `istio` of the gateway's pods.  (istio)",
    "gateway_class": "Name of the GatewayClass.  (gateway-api)",
    "tls_secret": "Secret of the gateway's certificate.  (istio, gateway-api)",
    "backend_ca": "ConfigMap of the replicas' CA.  (gateway-api)",
}

_ENVOY_OPTIONS = (
    click.option(
        "--listen",
        metavar="HOST:PORT",
        default=str(envoy.EnvoyParameters().listen),
        show_default=True,
        help="Where predictions come in.  (envoy)",
    ),
    click.option(
        "--folder", default="", help="The --out folder as Envoy sees it, if it runs elsewhere."
    ),
    click.option(
        "--exposure-log",
        default=envoy.EnvoyParameters().exposure_log_path,
        show_default=True,
        help="File of a line per prediction.  (envoy)",
    ),
)

_OPTIONS = (
    click.option(
        "--dynamic", is_flag=True, help="Files that Envoy follows, not one bootstrap.  (envoy)"
    ),
    *_ENVOY_OPTIONS,
    *(_kubernetes(name, help_text) for name, help_text in _KUBERNETES_OPTIONS.items()),
    click.option(
        "--replicas",
        type=click.Choice(["service", "entries"]),
        default=_DEFAULTS.replicas,
        show_default=True,
        help="Found by a Service, or written down one by one.  (istio)",
    ),
)
