"""Predictions without a proxy: a client that routes itself, by the tables Envoys have.

>>> from algolink.proxyless import ProxylessClient
>>> with ProxylessClient() as client:  # doctest: +SKIP
...     client.predict("iris", [[5.1, 3.5, 1.4, 0.2]], unit="user-42").arm
"""

from __future__ import annotations

from algolink.proxyless.aio import AsyncProxylessClient
from algolink.proxyless.sync import ProxylessClient

__all__ = ["AsyncProxylessClient", "ProxylessClient"]
