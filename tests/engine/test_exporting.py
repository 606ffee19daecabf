import ctypes
import gc
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import toys
from hasei.engine import rounding_onnx, runtimes
from hasei.engine.exported import RuntimePredictor, exported
from hasei.engine.exporting import written
from hasei.engine.opening import load_model, load_tokenizer
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.ground.errors import BaseError, DataError, NotSupported
from hasei.inputs.base import Base

TEXTS = ["a", "", "where is my parcel", "荷物はどこですか、教えてください", "a long one " * 100]


def predictor_of(folder, pooling="mean"):
    base = Base.open(folder)
    model = load_model(base)
    head = linear(np.random.default_rng(0).normal(size=(5, 32)), np.zeros(5))
    return PooledPredictor(PooledModel(model, pooling, head), load_tokenizer(base), base.max_tokens)


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(toys.SIZES, "layers", 1)
        patched.setattr(
            toys, "TEXTS", [*toys.TEXTS, " ".join(f"word{i}" for i in range(600))]
        )  # a table worth rounding
        return predictor_of(toys.make_base("bert", tmp_path_factory.mktemp("base") / "bert"))


@pytest.fixture(scope="module")
def onnx_model(pooled):
    return exported(pooled)


@pytest.fixture
def graph(onnx_model):
    import onnx

    return onnx.load_from_string(onnx_model.content["model.onnx"])


def test_the_same_model_gives_the_same_bytes_and_nothing_of_the_machine(pooled, onnx_model):
    content = onnx_model.content["model.onnx"]
    assert exported(pooled).content["model.onnx"] == content
    for word in (b"site-packages", b"/home", b"/root", b"stack_trace", b".py", b"torch/"):
        assert word not in content


def test_any_number_of_rows_of_any_length_gives_what_torch_gives(pooled, onnx_model):
    for texts in (TEXTS, TEXTS[:1], TEXTS[-1:], TEXTS * 5):
        assert np.abs(onnx_model.outputs(texts) - pooled.outputs(texts)).max() < 1e-4
    assert onnx_model.outputs([]).shape == (0, 5)


@pytest.mark.parametrize("pooling", ["cls", "max", "last"])
def test_every_pooling_and_a_causal_trunk_can_be_exported(pooling, tmp_path):
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(toys.SIZES, "layers", 1)
        folder = toys.make_base("llama" if pooling == "last" else "bert", tmp_path / "base")
    plain = predictor_of(folder, pooling)
    assert np.abs(exported(plain).outputs(TEXTS) - plain.outputs(TEXTS)).max() < 1e-4


def test_int8_and_fp16_are_near_and_small(pooled, onnx_model, graph):
    size, expected = len(onnx_model.content["model.onnx"]), pooled.outputs(TEXTS)
    scale = np.abs(expected).max()
    # The toy's graph itself, its norms and small tables weigh more than in a real model.
    for precision, within, share in (("fp16", 5e-3, 0.75), ("int8", 0.15, 0.6)):
        content = {"model.onnx": written(rounding_onnx.at(graph, precision))}
        assert len(content["model.onnx"]) < share * size
        found = RuntimePredictor(pooled.tokenizer, pooled.max_tokens, 5, content).outputs(TEXTS)
        assert 0 < np.abs(found - expected).max() < within * scale


def test_rounded_tables_give_each_row_within_half_a_step(graph):
    from onnx import numpy_helper

    tables = {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}
    found = {t.name: numpy_helper.to_array(t) for t in rounding_onnx.rounded_tables(graph).graph.initializer}
    name = next(n.removesuffix(".int8") for n in found if n.endswith(".int8"))
    restored = found[f"{name}.int8"].astype(np.float32) * found[f"{name}.scale"]
    assert (np.abs(restored - tables[name]) <= found[f"{name}.scale"] / 2 + 1e-7).all()


def test_what_is_rounded_is_not_rounded_again_and_no_rows_calibrate_nothing(graph):
    rounded = rounding_onnx.dynamic(graph)
    for again in (rounding_onnx.dynamic, rounding_onnx.half):
        with pytest.raises(NotSupported, match="quantised already"):
            again(rounded)
    with pytest.raises(DataError, match="calibrate"):
        rounding_onnx.static(graph, [])


def test_openvino_gives_what_torch_gives(pooled, onnx_model):
    from hasei.engine.rounding_openvino import converted

    expected = pooled.outputs(TEXTS)
    for precision, within in (("fp32", 1e-4), ("int8", 0.15)):
        content = converted(onnx_model.content["model.onnx"], precision)
        made = RuntimePredictor(pooled.tokenizer, pooled.max_tokens, 5, content, engine="openvino", precision=precision)
        assert np.abs(made.outputs(TEXTS) - expected).max() < within * np.abs(expected).max()
        assert converted(onnx_model.content["model.onnx"], precision) == content


class Stack(ctypes.Structure):
    _fields_ = (("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def signals_have_memory():
    """Whether the kernel can run a handler of signals on this thread: the stack set for it, if any, is not freed."""
    found = Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    spans = (line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines())
    return not found.place or any(int(low, 16) <= found.place < int(high, 16) for low, high in spans)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_is_no_crash_after_openvino_models_have_come_and_gone(pooled):
    first, second = exported(pooled, "openvino"), exported(pooled, "openvino")
    rounded = exported(pooled, "openvino", "int8", calibration=TEXTS[:3])
    assert first.outputs(TEXTS[:1]).shape == (1, 5)
    for one in (first, second, rounded):
        one.session = None
        gc.collect()
    assert signals_have_memory()
    third = exported(pooled, "openvino")
    del third
    gc.collect()
    assert signals_have_memory()


def test_an_unknown_engine_is_refused_with_those_that_there_are():
    with pytest.raises(NotSupported, match="Did you mean 'onnxruntime'"):
        runtimes.start("onnxruntme", {})
    assert runtimes.names() == ["onnxruntime", "openvino"] and all(map(runtimes.installed, runtimes.names()))


def test_a_damaged_graph_is_one_line(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(BaseError, match="can't be opened"):
        runtimes.start("onnxruntime", tmp_path)
    with pytest.raises(BaseError, match=r"has no openvino_model\.xml"):
        runtimes.start("openvino", tmp_path)


def test_what_can_not_be_exported_is_refused_by_name():
    class HostedPredictor:
        pass

    with pytest.raises(NotSupported, match="hosted"):
        exported(HostedPredictor())


def test_a_model_that_is_too_large_for_one_file_is_refused_before_it_is_made():
    class Large(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.empty(600_000, 1000, device="meta"))

    from hasei.engine.exporting import to_onnx

    with pytest.raises(NotSupported, match="too large"):
        to_onnx(Large(), {})
