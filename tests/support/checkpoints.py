"""Checkpoints: the shipped ones, and generators of random weights in every published form."""

import re
import warnings
from functools import cached_property
from pathlib import Path

import cv2
import safetensors.torch
import torch
from torch import nn

from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.detector import Detector, load_detector
from lipsyncd.model.expert import Expert, load_expert
from lipsyncd.model.generator import Generator
from lipsyncd.model.golden import golden_of
from lipsyncd.model.landmarker import Landmarker, load_landmarker
from lipsyncd.model.layouts import PUBLISHED, Layout
from lipsyncd.model.recogniser import Recogniser, load_recogniser
from lipsyncd.model.residency import Models
from lipsyncd.model.weights import WeightsFile
from support.paths import ROOT

torch.set_num_threads(1)  # a pool of threads only waits for itself where other tests run, too
cv2.setNumThreads(1)  # as in a render's process: a flow depends on how many there are

SHIPPED = ROOT / "checkpoints/lipsync-grid-96.safetensors"
DETECTOR = ROOT / "checkpoints/face_detection_yunet_2023mar.onnx"
LANDMARKER = ROOT / "checkpoints/face_landmark.tflite"
RECOGNISER = ROOT / "checkpoints/face_recognition_sface_2021dec_int8bq.onnx.xz"
EXPERT = ROOT / "checkpoints/sync-expert-grid-v0.safetensors"
NARROW = 1 / 64  # the width at which every hidden layer has 8 channels: a small, quick generator


def random_generator(
    width: float = NARROW, seed: int = 5, layout: Layout = PUBLISHED, slopes: str = ""
) -> Generator:
    """A generator of random weights whose mouths depend on all that it is given: its
    normalisations have seen some input, so that nothing dies out on the way.  `slopes`: where its
    layers have learned ones, as a pattern of their names."""
    torch.manual_seed(seed)
    generator = Generator(width, layout).train()
    if slopes:
        layers = (name.partition(".conv_block")[0] for name in generator.state_dict())
        generator.learn_slopes(f"{name}.act.weight" for name in layers if re.search(slopes, name))
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a plain average
            module.weight.data.uniform_(0.7, 1.4)
            module.bias.data.uniform_(-0.3, 0.3)
    with torch.no_grad():
        generator(torch.rand(4, 1, 80, 16) * 8 - 4, torch.rand(4, 6, layout.side, layout.side))
    return generator.eval()


@torch.no_grad()
def widened(path: Path) -> Generator:
    """A generator of twice the width that makes the same mouths as those of a file: each
    hidden channel is there twice, and counts for half."""
    narrow = load_checkpoint(path, lambda _: None)
    generator, known = Generator(2 * narrow.width).eval(), narrow.generator.state_dict()
    for name, module in generator.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.fill_(1 - module.eps)  # it does nothing
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.bias.copy_(doubled(known[f"{name}.bias"], module.bias.shape))
            weight, heard = known[f"{name}.weight"], 0 if module.transposed else 1
            share = weight.shape[heard] / module.weight.shape[heard]
            module.weight.copy_(share * doubled(weight, module.weight.shape))
    return generator


def doubled(values: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Each twice along the axes that have twice as many in a shape."""
    for axis, (few, many) in enumerate(zip(values.shape, shape, strict=True)):
        values = values.repeat_interleave(many // few, axis)
    return values


def write_safetensors(
    path: Path, generator: Generator, metadata: dict[str, str] | None = None
) -> Path:
    safetensors.torch.save_file(generator.state_dict(), path, metadata)
    return path


def write_legacy_pickle(path: Path, generator: Generator) -> Path:
    """As the training script saves it: before zip files, from two GPUs, with the optimizer."""
    # as Adam has it before its first step; making one imports a compiler
    group: dict[str, object] = {
        "lr": 1e-4,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0,
        "amsgrad": False,
    }
    group["params"] = list(range(len(list(generator.parameters()))))
    content = {
        "state_dict": {f"module.{k}": v for k, v in generator.state_dict().items()},
        "optimizer": {"state": {}, "param_groups": [group]},
        "global_step": 396000,
        "global_epoch": 203,
    }
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def write_zip_pickle(path: Path, generator: Generator) -> Path:
    torch.save({"state_dict": generator.state_dict(), "global_step": 1}, path)
    return path


def write_bare_state(path: Path, generator: Generator) -> Path:
    torch.save(generator.state_dict(), path)
    return path


def write_torchscript(path: Path, generator: Generator) -> Path:
    """An archive with code in it, as the official page serves today."""
    example = torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, generator.side, generator.side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nobody should write these any more
        torch.jit.trace(generator, example, check_trace=False).save(str(path))
    return path


FORMS = {
    "safetensors": write_safetensors,
    "legacy pickle": write_legacy_pickle,
    "zip pickle": write_zip_pickle,
    "bare state dict": write_bare_state,
    "TorchScript archive": write_torchscript,
}


def models_of(path: Path, batch: int = 4) -> Models:
    """The models of a checkpoint on the CPU, as they are for a render."""
    checkpoint = load_checkpoint(path, lambda _: None)
    golden = golden_of(checkpoint, path.parent / "golden", lambda _: None)
    return Models(checkpoint, golden, torch.device("cpu"), batch)


class InProcess:
    """Models as a render wants them, without a process between."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self.conventions = models.conventions
        self.fingerprint = models.fingerprint
        self.mouths = models.mouths
        self.changes = 0

    @property
    def batch(self) -> int:
        return self._models.batch

    def new_detector(self) -> Detector:
        return Detector(yunet())

    @cached_property
    def landmarker(self) -> Landmarker:
        return Landmarker(mesh())

    def new_recogniser(self) -> Recogniser:
        return Recogniser(sface())

    def new_expert(self) -> Expert:
        return Expert(judge())


def sface() -> WeightsFile:
    """The shipped recogniser."""
    return load_recogniser(RECOGNISER, lambda _: None)


def yunet() -> WeightsFile:
    """The shipped face detector."""
    return load_detector(DETECTOR, lambda _: None)


def mesh() -> WeightsFile:
    """The shipped landmarker."""
    return load_landmarker(LANDMARKER, lambda _: None)


def judge() -> WeightsFile:
    """The shipped sync expert."""
    return load_expert(EXPERT, lambda _: None)
