"""ONNX and LiteRT files of other people: numbers of other types are cast, and what cannot be used gets its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from maskedgender.networks.model_files import ModelError, load_model

from .crops import real_crops

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

ASKED = {"scale": "0..255", "classes": "female,male"}
CROPS = real_crops(32)
KERNEL = np.random.default_rng(0).normal(size=(3, 2)) / 50
MEANS = CROPS.mean(axis=(1, 2)) @ KERNEL
EXPECTED = np.exp(MEANS) / np.exp(MEANS).sum(axis=1, keepdims=True)


def written(
    file: Path, dtype: int = TensorProto.FLOAT, shape: Any = ("N", 32, 32, 3), inputs: int = 1, **model: Any
) -> Path:
    """A network that gives a softmax of the mean colours, by ONNX's own functions."""
    inside = TensorProto.FLOAT if dtype == TensorProto.UINT8 else dtype
    kernel = numpy_helper.from_array(KERNEL.astype(helper.tensor_dtype_to_np_dtype(inside)), "kernel")
    axes = [1, 2] if shape is None or shape[-1] == 3 else [2, 3]
    nodes = [
        helper.make_node("Cast", ["x"], ["pixels"], to=inside),
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=axes, keepdims=0),
        helper.make_node("MatMul", ["means", "kernel"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["y"], axis=1),
    ]
    given = [helper.make_tensor_value_info(name, dtype, shape) for name in ("x", "z")[:inputs]]
    output = helper.make_tensor_value_info("y", inside, [shape[0] if shape else None, 2])
    graph = helper.make_graph(nodes, "means", given, [output], [kernel])
    opset = helper.make_opsetid("", model.get("opset", 17))
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=model.get("ir", 8)), str(file))
    return file


@pytest.mark.parametrize("dtype", ["FLOAT", "FLOAT16", "DOUBLE", "UINT8"])
def test_onnx_takes_numbers_of_any_type(dtype: str, tmp_path: Path) -> None:
    tolerance = 0.02 if dtype == "FLOAT16" else 1e-5
    for name, shape in (("any.onnx", ("N", 32, 32, 3)), ("ONE.ONNX", (1, 32, 32, 3))):
        file = written(tmp_path / name, getattr(TensorProto, dtype), shape)
        assert load_model(file, **ASKED).predict(CROPS) == pytest.approx(EXPECTED, abs=tolerance)


def test_scale_and_classes_of_an_onnx_file_are_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path / "a.onnx")
    with pytest.raises(ModelError, match=r"--scale .* --classes"):
        load_model(file)
    scaled = load_model(file, "0..1", "male,female").predict(CROPS)
    means = np.exp(MEANS / 255)
    assert scaled == pytest.approx((means / means.sum(axis=1, keepdims=True))[:, ::-1], abs=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"inputs": 2}, r"takes input of shape \[.*32, 32, 3.*\], not square pictures"),
        ({"shape": ("N", 3, 32, 32)}, "not square pictures"),
        ({"shape": None}, "not square pictures"),
        ({"opset": 99}, "onnxruntime; .*[Oo]pset 99"),
        ({"ir": 99}, "onnxruntime; .*IR version: 99"),
    ],
    ids=["two inputs", "channels first", "no shape", "newer operators", "newer format"],
)
def test_an_onnx_file_that_cannot_be_used_gets_its_reason(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = written(tmp_path / "a.onnx", **given)
    with pytest.raises(ModelError, match=said) as raised:
        load_model(file, **ASKED)
    assert str(file) in str(raised.value) and "\n" not in str(raised.value)


def test_a_damaged_file_gets_a_sentence(tmp_path: Path) -> None:
    for name, package in (("a.onnx", "onnxruntime"), ("a.tflite", "ai-edge-litert")):
        for content in (b"", b"nonsense", b"\xff\xff\xff\x7fTFL3"):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ModelError, match=f"{name} cannot be read by {package}; it may be damaged"):
                load_model(tmp_path / name, **ASKED)


def test_litert_of_whole_numbers_answers_by_its_scale_and_zero_point(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(2, "softmax", kernel_initializer=lambda shape, dtype: KERNEL * 255)(x)
    model = keras.Model(inputs, outputs)
    for dtype, tolerance in ((tensorflow.float32, 1e-5), (tensorflow.uint8, 0.02), (tensorflow.int8, 0.02)):
        converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
        if dtype != tensorflow.float32:
            converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([crop[None].astype(np.float32)] for crop in CROPS)
            converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = dtype
        file = tmp_path / f"{dtype.name}.TFLITE"
        file.write_bytes(converter.convert())
        assert load_model(file, **ASKED).predict(CROPS) == pytest.approx(EXPECTED, abs=tolerance)


def test_litert_with_an_operation_of_tensorflows_own_names_it(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")

    @tensorflow.function(input_signature=[tensorflow.TensorSpec((1, 32, 32, 3), tensorflow.float32)])
    def sharpened(crop: Any) -> Any:
        male = tensorflow.reduce_mean(tensorflow.raw_ops.AdjustContrastv2(images=crop, contrast_factor=1.5), [1, 2, 3])
        return tensorflow.stack([1 - male, male], axis=1)

    converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([sharpened.get_concrete_function()], sharpened)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.SELECT_TF_OPS]
    file = tmp_path / "a.tflite"
    file.write_bytes(converter.convert())
    with pytest.raises(ModelError, match=r"a\.tflite holds an operation of TensorFlow's own, Flex\w+, which"):
        load_model(file, **ASKED)
