"""Weights and activations of the matrix products in 8 bits, as `onnx/model_quantized.onnx` (`--dtype q8`).

    python bench/real/q8.py real/model

Weights have one scale a column, activations one a row. With ONNX Runtime's own dynamic quantisation there is one scale
for the whole batch, so that an answer depends on the prompts beside it; here every row is on its own, and products of
integers are exact. The last product, which gives the logits, and attention stay in float32.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def quantise(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    made = [numpy_helper.from_array(np.array(v), n) for n, v in (("q8_step", np.float32(1 / 127)), ("q8_zero", np.uint8(128)), ("q8_least", np.float32(1e-12)))]
    nodes: list[onnx.NodeProto] = []
    gone: set[str] = set()
    for node in graph.node:
        if node.op_type == "Split" and node.input[0] in gone:
            continue
        if node.op_type != "MatMul" or node.input[1] not in weights:
            nodes.append(node)
            continue
        name, out = node.input[1], node.output[0]
        whole = numpy_helper.to_array(weights[name])
        following = readers.get(out, [])
        outs, parts = [out], [whole]
        if len(following) == 1 and following[0].op_type == "Split":
            sizes = numpy_helper.to_array(weights[following[0].input[1]])
            outs, parts = list(following[0].output), np.split(whole, np.cumsum(sizes)[:-1], axis=1)
            gone.add(out)
        gone.add(name)
        nodes += rows(node.input[0], out)
        for i, (to, part) in enumerate(zip(outs, parts)):
            scale = np.maximum(np.abs(part).max(axis=0) / 127, np.float32(1e-12)).astype(np.float32)
            made.append(numpy_helper.from_array(np.rint(part / scale).astype(np.int8), f"{name}_q8_{i}"))
            made.append(numpy_helper.from_array(scale, f"{name}_scale_{i}"))
            inputs = [f"{out}_q8", f"{name}_q8_{i}", "q8_step", f"{name}_scale_{i}", "q8_zero"]
            nodes.append(helper.make_node("MatMulIntegerToFloat", inputs, [f"{to}_of_one"], domain="com.microsoft"))
            nodes.append(helper.make_node("Mul", [f"{to}_of_one", f"{out}_most"], [to]))
    kept = [tensor for name, tensor in weights.items() if name not in gone]
    small = helper.make_graph(nodes, graph.name, list(graph.input), list(graph.output), kept + made)
    return helper.make_model(small, opset_imports=list(model.opset_import), ir_version=model.ir_version, producer_name="lever")


def rows(x: str, name: str) -> list[onnx.NodeProto]:
    """Every row of `x` divided by its largest magnitude `NAME_most`, in 8 bits."""
    return [
        helper.make_node("Abs", [x], [f"{name}_abs"]),
        helper.make_node("ReduceMax", [f"{name}_abs"], [f"{name}_max"], axes=[-1], keepdims=1),
        helper.make_node("Max", [f"{name}_max", "q8_least"], [f"{name}_most"]),
        helper.make_node("Div", [x, f"{name}_most"], [f"{name}_row"]),
        helper.make_node("QuantizeLinear", [f"{name}_row", "q8_step", "q8_zero"], [f"{name}_q8"]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder that prepare.py made")
    folder = parser.parse_args().model / "onnx"
    onnx.save(quantise(onnx.load(folder / "model.onnx")), folder / "model_quantized.onnx")


if __name__ == "__main__":
    main()
