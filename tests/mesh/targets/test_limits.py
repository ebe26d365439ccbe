"""What a target cannot be told is said, or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from algolink import split
from algolink.errors import FailedPrecondition, InvalidArgument
from mesh import table
from mesh.targets import envoy, gateway_api, istio, rendering, text
from mesh.targets.envoy.parameters import EnvoyParameters
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.kubernetes.problems import problems
from tests.mesh import builders
from tests.mesh.targets.tables import EXAMPLES

PARAMETERS = KubernetesParameters()
RENDERERS = [istio.render, gateway_api.render]


@pytest.mark.parametrize("render", RENDERERS)
def test_a_champion_alone_is_rendered_in_full(render: Any) -> None:
    assert render(EXAMPLES["champion-only"], PARAMETERS).limitations == ()


def test_units_that_do_not_keep_their_arm_are_told_in_the_file_of_the_model() -> None:
    rendered = gateway_api.render(EXAMPLES["ramped"], PARAMETERS)

    [told] = [limit for limit in rendered.limitations if "keep their arm" in limit.what]
    assert told.model == "digits"
    files = text.texts(rendered)
    assert "units that keep their arm" in files["models/digits.yaml"]
    assert "units that keep their arm" not in files["models/iris.yaml"]


def test_istio_keeps_units_in_their_arm_and_says_nothing_of_it() -> None:
    rendered = istio.render(EXAMPLES["ramped"], PARAMETERS)

    assert not [limit for limit in rendered.limitations if "keep their arm" in limit.what]


@pytest.mark.parametrize("render", RENDERERS)
def test_a_route_that_says_something_new_is_refused(
    render: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "ROUTE_KEYS", rendering.ROUTE_KEYS - {"versions"})
    monkeypatch.setattr(rendering, "SPLIT_KEYS", rendering.SPLIT_KEYS - {"salt"})
    snapshot = builders.a_snapshot(builders.a_route(split=builders.a_split()))

    with pytest.raises(FailedPrecondition) as caught:
        render(snapshot, PARAMETERS)

    assert caught.value.reason == "TARGET_LACKS_FEATURE"
    assert "says split.salt, versions" in caught.value.message


@pytest.mark.parametrize("render", RENDERERS)
def test_that_the_champion_does_not_help_out_is_told(render: Any) -> None:
    helped = builders.a_snapshot(builders.a_route(split=builders.a_split()))
    alone = builders.a_snapshot(builders.a_route(split=builders.a_split(fallback=None)))

    told = set(render(helped, PARAMETERS).limitations) - set(render(alone, PARAMETERS).limitations)

    assert [limit.what for limit in told] == ["the champion's help where arm challenger fails"]


def test_a_shadow_is_copied_by_envoy_alone() -> None:
    shadowed = builders.a_snapshot(builders.a_route(shadow=table.Shadow(version=2, share_bp=100)))

    by_istio, by_gateway = (render(shadowed, PARAMETERS) for render in RENDERERS)

    kinds = [o["kind"] for o in by_istio.files["models/digits.yaml"]]
    assert kinds == ["VirtualService", "EnvoyFilter"]
    assert [limit for limit in by_gateway.limitations if limit.what == "the shadow"]


def test_a_replica_that_serves_one_protocol_alone_is_told_where_entries_are_written() -> None:
    only_grpc = (table.Endpoint("10.0.0.1", 8001), table.Endpoint("replica-2.example.org", 8001))
    snapshot = builders.a_snapshot(
        builders.a_route(), grpc=only_grpc, http=(table.Endpoint("10.0.0.1", 8002),)
    )

    rendered = istio.render(snapshot, replace(PARAMETERS, replicas="entries"))

    written = [
        o["spec"]["address"] for o in rendered.files["services.yaml"] if "address" in o["spec"]
    ]
    assert written == ["10.0.0.1"]
    [told] = [limit for limit in rendered.limitations if "replica-2.example.org" in limit.what]
    assert "1 serve gRPC and 0 REST" in told.so


@pytest.mark.parametrize("render", [envoy.static, envoy.files])
def test_that_nothing_ships_what_an_envoy_alone_logs_is_told_beside_the_routes(render: Any) -> None:
    rendered = render(EXAMPLES["experiment-90-10"], envoy.EnvoyParameters())

    assert [limit.what for limit in rendered.limitations] == [
        "delivery of exposures of experiment iris-2"
    ]
    told = [path for path, held in text.texts(rendered).items() if "nothing ships them" in held]
    assert told == [rendered.models_file]
    assert render(EXAMPLES["shift"], envoy.EnvoyParameters()).limitations == ()


@pytest.mark.parametrize("render", RENDERERS)
def test_models_of_servers_that_read_no_header_are_left_out_and_told(render: Any) -> None:
    ours = builders.a_snapshot(builders.a_route())
    triton = replace(builders.a_route("faces"), pool="triton")
    snapshot = table.Snapshot(
        routes={**ours.routes, "faces": triton},
        pools={**ours.pools, "triton": table.Pool(name="triton", foreign=True)},
    )

    rendered = render(snapshot, PARAMETERS)

    assert "models/digits.yaml" in rendered.files
    assert "triton" not in str(rendered.files)
    assert [limit.model for limit in rendered.limitations if "left out" in limit.so] == ["faces"]


def test_more_arms_than_a_rule_takes_are_refused() -> None:
    arms = [f"arm-{number}" for number in range(20)]
    wide = builders.a_split(
        bucket_table=split.allocate(dict.fromkeys(arms, 500)),
        versions={"champion": 1, **dict.fromkeys(arms, 1)},
    )

    with pytest.raises(FailedPrecondition, match="takes 16 in a rule"):
        gateway_api.render(builders.a_snapshot(builders.a_route(split=wide)), PARAMETERS)


def test_many_versions_are_spread_over_routes_that_each_are_small_enough() -> None:
    route = builders.a_route(versions=tuple(range(1, 41)))

    rendered = gateway_api.render(builders.a_snapshot(route), PARAMETERS)

    held = [o for o in rendered.files["models/digits.yaml"] if o["kind"] == "HTTPRoute"]
    assert [len(o["spec"]["rules"]) for o in held] == [16, 16, 9]
    assert len({o["metadata"]["name"] for o in held}) == 3


@pytest.mark.parametrize(
    "wrong",
    [{"namespace": "Not A Name"}, {"domain": "a..b"}, {"domain": "x" * 200}, {"tls_secret": "-"}],
)
def test_names_that_no_cluster_takes_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        KubernetesParameters(**wrong)  # type: ignore[arg-type]  # a bad value of any field

    assert caught.value.reason == "KUBERNETES_NAME_INVALID"


def altered(kind: str, change: Any) -> list[str]:
    """Problems of Istio's objects once `change` was made to one of a kind."""
    rendered = istio.render(EXAMPLES["experiment-90-10"], PARAMETERS)
    objects = [value for held in rendered.files.values() for value in held]
    change(next(o for o in objects if o["kind"] == kind)["spec"])
    return list(problems(objects))


def experiment(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in spec["http"] if "experiment-grpc" in r["name"])
    return found


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        (
            "VirtualService",
            lambda spec: [target.update(weight=0) for target in experiment(spec)["route"]],
            "all weights are 0",
        ),
        (
            "VirtualService",
            lambda spec: experiment(spec)["route"][0].update(weight=-1),
            "a weight is negative",
        ),
        (
            "VirtualService",
            lambda spec: experiment(spec)["retries"].update(retryOn="reset,sometimes"),
            "'sometimes' is no condition to retry on",
        ),
        (
            "VirtualService",
            lambda spec: experiment(spec).update(mirrors=[{"percentage": {"value": 101}}]),
            "it mirrors 101 %",
        ),
        ("VirtualService", lambda spec: spec["http"].append(spec["http"][0]), "is there 2 times"),
        ("VirtualService", lambda spec: spec["http"].clear(), "is in no VirtualService"),
        (
            "DestinationRule",
            lambda spec: spec.update(subsets=[{"name": "v1"}, {"name": "v1"}]),
            "subset v1 is there 2 times",
        ),
        (
            "DestinationRule",
            lambda spec: spec.update(host="a.b.svc"),
            "host a.b.svc is no Service and no ServiceEntry",
        ),
        (
            "EnvoyFilter",
            lambda spec: spec["configPatches"][0]["patch"]["value"]["typed_config"].update(
                {"@type": "type.googleapis.com/no.such.Filter"}
            ),
            "of unknown type type.googleapis.com/no.such.Filter",
        ),
        (
            "EnvoyFilter",
            lambda spec: spec["configPatches"][0]["patch"]["value"]["typed_config"].update(
                inline_kode="x"
            ),
            "Envoy would not take the patch",
        ),
    ],
)
def test_what_an_apiserver_would_take_and_a_mesh_would_not_is_found(
    kind: str, change: Any, problem: str
) -> None:
    assert [told for told in altered(kind, change) if problem in told]


def test_a_table_without_models_is_rendered() -> None:
    for render in RENDERERS:
        assert replace(render(table.Snapshot(), PARAMETERS)).limitations == ()


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("buckets-ranking", lambda route: route.update(hash_polici=[]), "no field named"),
        ("buckets-ranking", lambda route: route.pop("hash_policy"), "lacks its hash"),
        (
            "shadow-ranking",
            lambda route: route["request_mirror_policies"][0]["runtime_fraction"][
                "default_value"
            ].update(numerator=10_001),
            "mirrors 100.01 %",
        ),
    ],
)
def test_patches_that_envoy_would_not_take_or_would_misread_are_found(
    name: str, change: Any, problem: str
) -> None:
    rendered = istio.render(EXAMPLES["launch"], PARAMETERS)
    objects = [value for held in rendered.files.values() for value in held]
    [changed] = [o for o in objects if o["metadata"]["name"] == name]
    change(changed["spec"]["configPatches"][0]["patch"]["value"]["route"])

    assert [told for told in problems(objects) if problem in told]


@pytest.mark.parametrize(("models", "is_told"), [(3, False), (120, True)])
def test_more_files_than_an_envoy_may_watch_are_told(models: int, is_told: bool) -> None:
    splits = (builders.a_route(f"model-{n}", split=builders.a_shift()) for n in range(models))

    rendered = envoy.files(builders.a_snapshot(*splits), EnvoyParameters())

    told = [limit for limit in rendered.limitations if "fs.inotify" in limit.so]
    assert bool(told) is is_told
