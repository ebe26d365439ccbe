"""Names of resources and headers, and the one place that checks them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from algolink.errors import InvalidArgument

CHAMPION = "champion"
"""The alias that requests without a version go to."""

UNIT_HEADER = "x-algolink-unit"
ARM_HEADER = "x-algolink-arm"
EXPERIMENT_HEADER = "x-algolink-experiment"
VERSION_HEADER = "x-algolink-version"
REQUEST_ID_HEADER = "x-algolink-request-id"

INTERNAL_PREFIX = "x-al-"
"""Headers that are ours: stripped from what a client sends."""

INTERNAL_VERSION_HEADER = "x-al-version"
"""Towards a replica: the version that this attempt must run."""

XDS_TOKEN_KEY = "algolink.token"  # noqa: S105 - the name of a field, not a token
"""In the metadata of an xDS node: the token of a client without a proxy."""

INTERNAL_BUCKET_HEADER = "x-al-bucket"
"""From a client that routes itself: the bucket of its unit."""

ID_PATTERN = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
ALIAS_PATTERN = "[a-z][a-z0-9-]{0,31}"
METRIC_PATTERN = "[a-z][a-z0-9_.-]{0,63}"
UNIT_PATTERN = "[A-Za-z0-9._:@+/=-]{1,128}"
DIGEST_PATTERN = "[0-9a-f]{64}"

_ID = re.compile(ID_PATTERN)
_ALIAS = re.compile(ALIAS_PATTERN)
_METRIC = re.compile(METRIC_PATTERN)
_UNIT = re.compile(UNIT_PATTERN)
_DIGEST = re.compile(DIGEST_PATTERN)
_NUMBER = re.compile("[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True, order=True)
class ModelName:
    """`models/{model}`."""

    model: str

    def __str__(self) -> str:
        return f"models/{self.model}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads `models/{model}`.

        Raises:
            InvalidArgument: MODEL_ID_INVALID.

        >>> ModelName.parse("models/iris").model
        'iris'
        """
        collection, _, model = name.partition("/")
        if collection != "models":
            raise InvalidArgument(
                "MODEL_ID_INVALID",
                f"{shown(name)} is not a model name: use models/{{model}}",
                name=shown(name),
            )
        return cls(check_model_id(model))


@dataclass(frozen=True, slots=True, order=True)
class VersionName:
    """`models/{model}/versions/{number}`."""

    model: str
    number: int

    def __str__(self) -> str:
        return f"models/{self.model}/versions/{self.number}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads `models/{model}/versions/{number}`.

        Raises:
            InvalidArgument: VERSION_NAME_INVALID or MODEL_ID_INVALID.

        >>> VersionName.parse("models/iris/versions/3")
        VersionName(model='iris', number=3)
        """
        parts = name.split("/")
        if len(parts) != 4 or parts[0] != "models" or parts[2] != "versions":
            raise _version_name_invalid(name)
        if _NUMBER.fullmatch(parts[3]) is None:
            raise _version_name_invalid(name)
        return cls(check_model_id(parts[1]), int(parts[3]))


@dataclass(frozen=True, slots=True, order=True)
class ExperimentName:
    """`experiments/{experiment}`."""

    experiment: str

    def __str__(self) -> str:
        return f"experiments/{self.experiment}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads `experiments/{experiment}`.

        Raises:
            InvalidArgument: EXPERIMENT_ID_INVALID.

        >>> ExperimentName.parse("experiments/digits-2").experiment
        'digits-2'
        """
        collection, _, experiment = name.partition("/")
        if collection != "experiments":
            raise InvalidArgument(
                "EXPERIMENT_ID_INVALID",
                f"{shown(name)} is not an experiment name: use experiments/{{experiment}}",
                name=shown(name),
            )
        return cls(check_experiment_id(experiment))


@dataclass(frozen=True, slots=True, order=True)
class MetricName:
    """`metrics/{metric}/versions/{version}`, or `metrics/{metric}`.

    Attributes:
        version: 0 for the newest.
    """

    metric: str
    version: int = 0

    def __str__(self) -> str:
        return f"metrics/{self.metric}" + (f"/versions/{self.version}" if self.version else "")

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads either form.

        Raises:
            InvalidArgument: METRIC_NAME_INVALID or METRIC_INVALID.

        >>> MetricName.parse("metrics/revenue/versions/2")
        MetricName(metric='revenue', version=2)
        """
        metric, version = _definition(name, "metrics", "METRIC_NAME_INVALID", "a metric name")
        return cls(check_metric_name(metric), version)


@dataclass(frozen=True, slots=True, order=True)
class PolicyName:
    """`policies/{policy}/versions/{version}`, or `policies/{policy}`.

    Attributes:
        version: 0 for the newest.
    """

    policy: str
    version: int = 0

    def __str__(self) -> str:
        return f"policies/{self.policy}" + (f"/versions/{self.version}" if self.version else "")

    @classmethod
    def parse(cls, name: str) -> Self:
        """Reads either form.

        Raises:
            InvalidArgument: POLICY_NAME_INVALID or POLICY_INVALID.

        >>> PolicyName.parse("policies/careful")
        PolicyName(policy='careful', version=0)
        """
        policy, version = _definition(name, "policies", "POLICY_NAME_INVALID", "a policy name")
        return cls(check_policy_id(policy), version)


def check_model_id(model: str) -> str:
    """Returns `model` if it is a model id, else raises MODEL_ID_INVALID."""
    return _checked(model, _ID, "MODEL_ID_INVALID", "a model id", ID_PATTERN)


def check_policy_id(policy: str) -> str:
    """Returns `policy` if it is a policy's id, else raises POLICY_INVALID."""
    return _checked(policy, _ID, "POLICY_INVALID", "a policy id", ID_PATTERN)


def check_experiment_id(experiment: str) -> str:
    """Returns `experiment` if it is an experiment id, else raises EXPERIMENT_ID_INVALID."""
    return _checked(experiment, _ID, "EXPERIMENT_ID_INVALID", "an experiment id", ID_PATTERN)


def check_alias(alias: str) -> str:
    """Returns `alias` if it is one, else raises ALIAS_INVALID."""
    return _checked(alias, _ALIAS, "ALIAS_INVALID", "an alias", ALIAS_PATTERN)


def check_arm_id(arm: str) -> str:
    """Returns `arm` if it is an arm id, else raises ARMS_INVALID."""
    return _checked(arm, _ALIAS, "ARMS_INVALID", "an arm id", ALIAS_PATTERN)


def check_metric_name(metric: str) -> str:
    """Returns `metric` if it is a metric's name, else raises METRIC_INVALID."""
    return _checked(metric, _METRIC, "METRIC_INVALID", "a metric name", METRIC_PATTERN)


def check_digest(digest: str) -> str:
    """Returns `digest` if it is a SHA-256 in hex, else raises DIGEST_MALFORMED."""
    return _checked(digest, _DIGEST, "DIGEST_MALFORMED", "a SHA-256 digest", DIGEST_PATTERN)


def is_unit(unit: str) -> bool:
    """Whether `unit` may be assigned to an arm; anything else gets the champion.

    >>> is_unit("user-42"), is_unit("two words"), is_unit("")
    (True, False, False)
    """
    return _UNIT.fullmatch(unit) is not None


def shown(value: str, *, limit: int = 80) -> str:
    """`value` quoted for a message, cut to `limit` characters, in printable ASCII.

    >>> shown("a" * 100, limit=5)
    "'aaaaa'... (100 characters)"
    """
    if len(value) <= limit:
        return ascii(value)
    return f"{value[:limit]!a}... ({len(value)} characters)"


def _definition(name: str, collection: str, reason: str, what: str) -> tuple[str, int]:
    """Id and version, 0 for none, of `{collection}/{id}` with or without a version."""
    parts = name.split("/")
    versioned = len(parts) == 4 and parts[2] == "versions" and _NUMBER.fullmatch(parts[3])
    if parts[0] != collection or not (len(parts) == 2 or versioned):
        raise InvalidArgument(
            reason,
            f"{shown(name)} is not {what}: use {collection}/{{id}} or "
            f"{collection}/{{id}}/versions/{{version}}",
            name=shown(name),
        )
    return parts[1], int(parts[3]) if versioned else 0


def _checked(value: str, pattern: re.Pattern[str], reason: str, what: str, shape: str) -> str:
    if pattern.fullmatch(value) is None:
        raise InvalidArgument(
            reason, f"{shown(value)} is not {what}: it must match {shape}", value=shown(value)
        )
    return value


def _version_name_invalid(name: str) -> InvalidArgument:
    return InvalidArgument(
        "VERSION_NAME_INVALID",
        f"{shown(name)} is not a version name: use models/{{model}}/versions/{{number}}",
        name=shown(name),
    )
