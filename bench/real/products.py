"""The products of matrices of SmolLM2-135M alone, in ONNX Runtime with one thread: tokens a second of processor time.

    python bench/real/products.py
"""

import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROWS, LAYERS, RUNS = 1024, 30, 4
SHAPES = ((576, 960), (576, 576), (576, 3072), (1536, 576))


def seconds(k: int, n: int) -> float:
    """Of one product [ROWS, k] x [k, n], the best of RUNS of a quarter of a second."""
    weight = numpy_helper.from_array(np.random.randn(k, n).astype(np.float32), "w")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size]) for name, size in (("x", k), ("y", n)))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "product", [x], [y], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {"x": np.random.randn(ROWS, k).astype(np.float32)}
    session.run(None, feeds)
    best = float("inf")
    for _ in range(RUNS):
        began, count = time.process_time(), 0
        while time.process_time() - began < 0.25:
            session.run(None, feeds)
            count += 1
        best = min(best, (time.process_time() - began) / count)
    return best


def main() -> None:
    total = LAYERS * sum(seconds(*shape) for shape in SHAPES)
    operations = 2 * ROWS * LAYERS * sum(k * n for k, n in SHAPES)
    print(f"{ROWS / total:.0f} tokens a second of processor time, {operations / total / 1e9:.0f} GFLOPS")


if __name__ == "__main__":
    main()
