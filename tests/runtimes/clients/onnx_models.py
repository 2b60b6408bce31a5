"""Write ONNX models of many forms into a folder, by onnx and skl2onnx."""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, weights=(), **options):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializer=weights)
    options = {"opset_imports": [helper.make_opsetid("", 17)], "ir_version": 9} | options
    return helper.make_model(graph, producer_name="tests", **options)


def iris():
    x, y = load_iris(return_X_y=True)
    fitted = LogisticRegression(max_iter=1000).fit(x, y)
    return to_onnx(fitted, x[:1].astype(np.float32))


def scaled(kind=TensorProto.FLOAT, **options):
    """One input with named axes, and one that has a default."""
    given = value("picture", ["batch", 3, "height", None], kind)
    nodes = [helper.make_node("Mul", ["picture", "scale"], ["scaled"])]
    weights = [helper.make_tensor("scale", kind, [1], [2.0])]
    inputs = [given, value("scale", [1], kind)]
    return model(nodes, inputs, [value("scaled", None, kind)], weights, **options)


def texts():
    """Texts and a single number in, both out."""
    nodes = [
        helper.make_node("Identity", ["words"], ["same"]),
        helper.make_node("Not", ["flag"], ["negated"]),
    ]
    inputs = [value("words", [None, 1], TensorProto.STRING), value("flag", [], TensorProto.BOOL)]
    outputs = [
        value("same", [None, 1], TensorProto.STRING),
        value("negated", [], TensorProto.BOOL),
    ]
    return model(nodes, inputs, outputs)


def picky():
    """Takes what can be reshaped to rows of 32 only: a first guess is refused."""
    shape = numpy_helper.from_array(np.array([-1, 32]), "shape")
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["rows"])]
    return model(nodes, [value("x", ["n", "length"])], [value("rows", [None, 32])], [shape])


def stored(folder, name, location):
    """Weights in a file beside the model."""
    weights = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(3, 4), "weights")
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["y"])]
    made = model(nodes, [value("x", [None, 3])], [value("y", [None, 4])], [weights])
    onnx.save_model(
        made,
        folder / name,
        save_as_external_data=True,
        location=location,
        size_threshold=0,
    )


def zoo(folder):
    """A model with data sets beside it, as those of the ONNX zoo have."""
    (folder / "zoo").mkdir()
    (folder / "zoo" / "model.onnx").write_bytes(scaled().SerializeToString())
    for number, raw in enumerate((True, False)):
        beside = folder / "zoo" / f"test_data_set_{number}"
        beside.mkdir()
        values = (np.arange(12).reshape(1, 3, 4, 1) / 4 * (number + 1)).astype(np.float32)
        data = values.tobytes() if raw else values.ravel()
        tensor = helper.make_tensor("picture", TensorProto.FLOAT, values.shape, data, raw=raw)
        (beside / "input_0.pb").write_bytes(tensor.SerializeToString())


def moved(folder, name, location):
    """Weights that are said to be somewhere else than they are."""
    stored(folder, name, "weights.bin")
    made = onnx.load(folder / name, load_external_data=False)
    for entry in made.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    (folder / name).write_bytes(made.SerializeToString())


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    constant = helper.make_node("Constant", [], ["y"], value_float=1.0)
    models = {
        "iris": iris(),
        "scaled": scaled(),
        "texts": texts(),
        "picky": picky(),
        "nothing": model([constant], [], [value("y", [])]),
        "bfloat": scaled(TensorProto.BFLOAT16),
    }
    future = scaled()
    future.ir_version, future.opset_import[0].version = 99, 999
    models["future"] = future
    for name, made in models.items():
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString())
    (folder / "stored").mkdir()
    stored(folder / "stored", "net.onnx", "net.weights")
    zoo(folder)
    (folder / "escaping").mkdir()
    moved(folder / "escaping", "net.onnx", "../../secret")
    (folder / "lacking").mkdir()
    moved(folder / "lacking", "net.onnx", "gone.bin")
