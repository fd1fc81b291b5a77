"""The manifests for Kubernetes and the units of Quadlet say what those who read them know."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("kubernetes_validate", reason="there is no kubernetes-validate, of PyPI")

import kubernetes_validate
from support.manifests import commands, containers, hook, manifest, manifests
from support.paths import ROOT

from lipsyncctl.arguments import parser as ctl_parser
from lipsyncd.arguments import parser as daemon_parser
from lipsyncd.config import Limits, Render, load_config
from lipsyncd.server.subordinate import FIRST
from lipsyncfarm.arguments import parser as worker_parser
from lipsyncfarm.config import SECRETS, load_farm, variable_of
from lipsyncfarm.tickets import QUEUE

VERSIONS = ("1.29", "1.37")  # the first where a sidecar need not be asked for, and the newest
KEDA = "ScaledObject", "TriggerAuthentication"
UNITS = sorted((ROOT / "systemd/container").glob("*.container"))
# What podman-container.unit(5) lists for [Container], as far as Podman 5.0 has it.
QUADLET = """AddCapability AddDevice Annotation AutoUpdate ContainerName ContainersConfModule DNS
    DNSOption DNSSearch DropCapability Entrypoint Environment EnvironmentFile EnvironmentHost Exec
    ExposeHostPort GIDMap GlobalArgs Group GroupAdd HealthCmd HealthInterval HealthOnFailure
    HealthRetries HealthStartPeriod HealthStartupCmd HealthStartupInterval HealthStartupRetries
    HealthStartupSuccess HealthStartupTimeout HealthTimeout HostName IP IP6 Image Label LogDriver
    Mask Mount Network NoNewPrivileges Notify PidsLimit Pod PodmanArgs PublishPort Pull ReadOnly
    ReadOnlyTmpfs Rootfs RunInit SeccompProfile Secret SecurityLabelDisable SecurityLabelFileType
    SecurityLabelLevel SecurityLabelNested SecurityLabelType ShmSize StopTimeout SubGIDMap SubUIDMap
    Sysctl Timezone Tmpfs UIDMap Ulimit Unmask User UserNS Volume WorkingDir"""


def pod() -> dict[str, Any]:
    found: dict[str, Any] = manifest("lipsyncd.yaml", "Deployment")["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_each_field_of_the_manifests(version: str) -> None:
    for each in manifests("lipsyncd.yaml"):
        kubernetes_validate.validate(each, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_would_be_found() -> None:
    wrong = manifest("lipsyncd.yaml", "Deployment")
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_keda_knows_each_field_of_what_scales_the_pods() -> None:
    """By the models that were made of its definitions; what they do not know they leave out."""
    keda = pytest.importorskip(
        "cloudcoil.models.keda.v1alpha1", reason="there are no cloudcoil-models-keda, of PyPI"
    )
    for each in manifests("keda.yaml"):
        known = getattr(keda, each["kind"]).model_validate(each)
        assert known.model_dump(mode="json", by_alias=True, exclude_unset=True) == each


def test_what_scales_the_pods_looks_at_the_farms_queue_with_the_farms_password(
    tmp_path: Path,
) -> None:
    (tmp_path / "farm.toml").write_text(manifest("lipsyncd.yaml", "ConfigMap")["data"]["farm.toml"])
    farm = load_farm(tmp_path / "farm.toml")
    scaled, secret = (manifest("keda.yaml", kind) for kind in KEDA)
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["listName"] == farm.prefix + QUEUE
    assert farm.broker == f"redis://{trigger['metadata']['address']}/0"
    assert trigger["authenticationRef"]["name"] == secret["metadata"]["name"]
    assert scaled["spec"]["scaleTargetRef"]["name"] == "lipsyncd"
    (asked,) = secret["spec"]["secretTargetRef"]
    (given,) = (each["secret"] for each in pod()["volumes"] if "secret" in each)
    assert asked["key"] in SECRETS and asked["name"] == given["secretName"]


@pytest.mark.parametrize(
    "program, parser, times",
    [
        ("lipsyncctl", ctl_parser(), 6),
        ("lipsyncd", daemon_parser(), 1),
        ("lipsyncfarm-worker", worker_parser(), 1),
    ],
)
def test_every_command_of_the_manifests_can_be_typed(
    program: str, parser: ArgumentParser, times: int
) -> None:
    found = list(commands(program))
    assert len(found) == times
    for words in found:
        parser.parse_args(words)


def test_the_three_probes_ask_three_questions() -> None:
    names = ("startupProbe", "readinessProbe", "livenessProbe")
    assert [hook(name)[-1] for name in names] == ["--started", "--ready", "--live"]


def test_a_drain_and_what_comes_after_it_fit_into_the_grace_period() -> None:
    drain = int(hook("preStop")[1])
    assert drain + Limits().drain_seconds < pod()["terminationGracePeriodSeconds"]


def test_the_daemon_knows_its_configuration_whose_renders_have_room(tmp_path: Path) -> None:
    text = manifest("lipsyncd.yaml", "ConfigMap")["data"]["lipsyncd.toml"]
    (tmp_path / "lipsyncd.toml").write_text(text)
    config = load_config(tmp_path / "lipsyncd.toml", {})
    limits = containers()["lipsyncd"]["resources"]["limits"]
    renders = config.limits.max_render_memory_bytes * Render().max_active
    assert renders < int(limits["memory"].removesuffix("Gi")) << 30
    assert len(config.devices) == limits["nvidia.com/gpu"] == 1


def test_no_container_has_rights_that_it_does_not_need() -> None:
    whole = pod()["securityContext"]
    assert whole["runAsNonRoot"] and 0 < whole["runAsUser"] < FIRST
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    for each in containers().values():
        rights = each["securityContext"]
        assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}


def test_both_containers_meet_at_the_socket_and_nowhere_else() -> None:
    paths = {
        name: {mount["name"]: mount["mountPath"] for mount in each["volumeMounts"]}
        for name, each in containers().items()
    }
    shared = paths["lipsyncd"].items() & paths["bridge"].items()
    assert shared == {("run", "/run/lipsyncd"), ("tmp", "/tmp")}  # of tmp each has its own folder
    assert {"run": {"sizeLimit": "1Mi"}}.items() <= {
        each["name"]: each.get("emptyDir") for each in pod()["volumes"]
    }.items()
    assert containers()["bridge"]["restartPolicy"] == "Always"


def sections(unit: Path) -> Iterator[tuple[str, str, str]]:
    """The section, the key and the value of each line that has one."""
    section = ""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            yield section, key, value


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_quadlet_knows_each_key_of_a_container(unit: Path) -> None:
    found = list(sections(unit))
    assert {section for section, _, _ in found} == {"Unit", "Container", "Service", "Install"}
    assert {key for section, key, _ in found if section == "Container"} - set(
        QUADLET.split()
    ) == set()


def test_a_container_of_quadlet_is_ready_when_the_daemon_says_so_and_has_the_gpu() -> None:
    (unit,) = (each for each in UNITS if each.stem == "lipsyncd")
    found = [(key, value) for section, key, value in sections(unit) if section == "Container"]
    wanted = [("Notify", "true"), ("AddDevice", "nvidia.com/gpu=all"), ("ReadOnly", "true")]
    assert set(wanted) <= set(found)
    assert ("Volume", "/run/lipsyncd:/run/lipsyncd") in found
    (command,) = (value.split() for key, value in found if key == "HealthCmd")
    ctl_parser().parse_args(command[1:])


def test_the_bridge_of_quadlet_is_called_right_and_gets_the_farms_secrets() -> None:
    (unit,) = (each for each in UNITS if each.stem == "lipsyncfarm-worker")
    values = [(key, value) for _, key, value in sections(unit)]
    (command,) = (value.split() for key, value in values if key == "Exec")
    worker_parser().parse_args(command[1:])
    targets = {value.rpartition("target=")[2] for key, value in values if key == "Secret"}
    assert targets == {variable_of("key"), variable_of("broker-password")}
