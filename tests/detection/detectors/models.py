"""Tiny ONNX models with the inputs and outputs of RT-DETR's exports; onnxruntime really runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Edges = int | str
IMAGE: tuple[Edges, ...] = (1, 3, 64, 64)


def save(
    path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any], names: str
) -> str:
    initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializer=initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return str(path)


def image_input(shape: tuple[Edges, ...] = IMAGE, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info("pixel_values", kind, shape)


def constant_model(path: Path, outputs: dict[str, Any], *, image: Any = None, names: str = "") -> str:
    """A model that takes a picture and always answers the same arrays."""
    nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in outputs]
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.asarray(value).dtype), np.shape(value))
        for name, value in outputs.items()
    ]
    constants = {f"{name}_value": value for name, value in outputs.items()}
    return save(path, nodes, [image or image_input()], infos, constants, names)


def queries(*found: tuple[int, float, tuple[float, float, float, float]], classes: int = 80) -> dict[str, Any]:
    """Outputs `logits` and `pred_boxes` for (class index, score, centre x, centre y, width, height in 0..1)."""
    logits = np.full((1, len(found), classes), -9.0, dtype=np.float32)
    boxes = np.zeros((1, len(found), 4), dtype=np.float32)
    for index, (label, score, box) in enumerate(found):
        logits[0, index, label] = np.log(score / (1 - score))
        boxes[0, index] = box
    return {"logits": logits, "pred_boxes": boxes}


def brightness_model(path: Path) -> str:
    """`logits` are the picture's mean red, green and blue (0..1), so that the input itself can be examined."""
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["logits_4d"], axes=[2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["logits_4d", "one"], ["logits"]),
        helper.make_node("Identity", ["box"], ["pred_boxes"]),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1, 3]),
        helper.make_tensor_value_info("pred_boxes", TensorProto.FLOAT, [1, 1, 4]),
    ]
    constants = {"one": np.array([1], np.int64), "box": np.array([[[0.5, 0.5, 1, 1]]], np.float32)}
    return save(path, nodes, [image_input(("n", 3, "h", "w"))], outputs, constants, "['red', 'green', 'blue']")


def inverse_model(path: Path) -> str:
    """`logits` are 0 / brightness: not numbers for a black picture, and zeros for any other."""
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Div", ["zero", "mean"], ["logits_3"]),
        helper.make_node("Unsqueeze", ["logits_3", "one"], ["logits"]),
        helper.make_node("Identity", ["box"], ["pred_boxes"]),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, 3]),
        helper.make_tensor_value_info("pred_boxes", TensorProto.FLOAT, [1, 1, 4]),
    ]
    constants = {
        "zero": np.zeros((1, 3), np.float32),
        "one": np.array([1], np.int64),
        "box": np.array([[[0.5, 0.5, 1, 1]]], np.float32),
    }
    return save(path, nodes, [image_input()], outputs, constants, "")


def sized_model(path: Path, relative: Any, labels: Any, scores: Any, shape: tuple[Edges, ...] = IMAGE) -> str:
    """The authors' export: `boxes` are the relative edges times `orig_target_sizes` (width, height)."""
    count = len(labels)
    nodes = [
        helper.make_node("Cast", ["orig_target_sizes"], ["sizes"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["sizes", "sizes"], ["twice"], axis=1),
        helper.make_node("Mul", ["relative", "twice"], ["boxes"]),
        helper.make_node("Identity", ["labels_value"], ["labels"]),
        helper.make_node("Identity", ["scores_value"], ["scores"]),
    ]
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2]),
    ]
    outputs = [
        helper.make_tensor_value_info("labels", TensorProto.INT64, [1, count]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, count, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, count]),
    ]
    constants = {
        "relative": np.array([relative], np.float32),
        "labels_value": np.array([labels], np.int64),
        "scores_value": np.array([scores], np.float32),
    }
    return save(path, nodes, inputs, outputs, constants, "")
