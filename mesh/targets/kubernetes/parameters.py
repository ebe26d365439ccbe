"""What differs between one cluster and another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from algolink.errors import InvalidArgument
from algolink.names import shown
from mesh.names import Wire, is_grpc

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_NAMES = ("namespace", "gateway_namespace", "gateway", "gateway_class")
_OPTIONAL_NAMES = ("tls_secret", "backend_ca")
_MAX_DOMAIN = 253 - 64
"""Leaves room for a model id and a dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesParameters:
    """Where models are found, and where their replicas and gateways live.

    Attributes:
        domain: a model's host is `{model}.{domain}`.
        namespace: of the replicas and their Services.
        gateway_namespace: of the gateway, its routes and its filters.
        gateway: value of the label `istio` of the gateway's pods.
        gateway_class: name of the GatewayClass.
        grpc_port: port of a replica's gRPC server.
        http_port: port of a replica's REST server.
        tls_secret: name of the Secret, in `gateway_namespace`, that holds the
            gateway's certificate; empty to listen without TLS.
        replicas: `service`, if a Service finds them by their labels; `entries`, if they
            run elsewhere and the table's own addresses are to be written down.
        backend_ca: name of the ConfigMap, in `namespace`, that holds the CA of the
            replicas' certificates; empty if they serve without TLS.

    Raises:
        InvalidArgument: KUBERNETES_NAME_INVALID.
    """

    domain: str = "algolink.internal"
    namespace: str = "algolink"
    gateway_namespace: str = "algolink-ingress"
    gateway: str = "ingressgateway"
    gateway_class: str = "istio"
    grpc_port: int = 8001
    http_port: int = 8002
    tls_secret: str = ""
    backend_ca: str = ""
    replicas: Literal["service", "entries"] = "service"

    def __post_init__(self) -> None:
        for field in (*_NAMES, *_OPTIONAL_NAMES):
            value = getattr(self, field)
            if not (field in _OPTIONAL_NAMES and value == "") and _LABEL.fullmatch(value) is None:
                raise _invalid(field, value, "1 to 63 of a-z0-9-, no hyphen at an end")
        if _DOMAIN.fullmatch(self.domain) is None or len(self.domain) > _MAX_DOMAIN:
            raise _invalid("domain", self.domain, f"a DNS name of up to {_MAX_DOMAIN} characters")

    def host(self, model: str) -> str:
        """Host of a model.

        >>> KubernetesParameters(domain="models.example.org").host("iris")
        'iris.models.example.org'
        """
        return f"{model}.{self.domain}"

    def port(self, wire: Wire) -> int:
        """Port of a replica's server.

        >>> KubernetesParameters(grpc_port=8001).port("grpc")
        8001
        """
        return self.grpc_port if is_grpc(wire) else self.http_port


def _invalid(field: str, value: str, must_be: str) -> InvalidArgument:
    return InvalidArgument(
        "KUBERNETES_NAME_INVALID",
        f"{field.replace('_', '-')} {shown(value)} must be {must_be}",
        field=field,
        value=shown(value),
    )
