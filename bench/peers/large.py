"""A text model with more than 2 GB of weights in a file beside its graph, and what ONNX Runtime for Python does with it.

    python bench/peers/large.py make FOLDER DTYPE     a Llama with random weights in fp32 or fp16, and the tokenizer of fixtures/tiny-text
    python bench/peers/large.py ask FOLDER DTYPE IDS  greedy tokens, seconds and memory, as JSON

`npx tsx bench/peers/large.ts` starts it. Needs pip install onnx==1.23.2 onnxruntime==1.30.0 numpy==2.4.6.
"""

import json
import resource
import shutil
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, external_data_helper, helper

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench/real"))
import llama_onnx  # noqa: E402

TINY = ROOT / "fixtures/tiny-text/matmul"
NEW_TOKENS = 5
BLOCK = np.random.default_rng(5).standard_normal(2**22).astype(np.float32)


LAYERS = {"fp32": 9, "fp16": 18}
SUFFIXES = {"fp32": "", "fp16": "_fp16"}


def config_of(dtype):
    sizes = {"hidden": 2048, "heads": 16, "kv_heads": 4, "head_dim": 128, "feed_forward": 8192, "vocabulary": 400}
    return llama_onnx.LlamaConfig(layers=LAYERS[dtype], norm_eps=1e-5, rope_theta=10000.0, positions=512, **sizes)


class Weights(dict):
    """Random weights by their names in transformers, made when they are asked for: pieces of one block, other ones in every layer."""

    def __init__(self, config):
        c = config
        kv = c.kv_heads * c.head_dim
        self.config = config
        self.shapes = {
            "q_proj": (c.heads * c.head_dim, c.hidden), "k_proj": (kv, c.hidden), "v_proj": (kv, c.hidden), "o_proj": (c.hidden, c.heads * c.head_dim),
            "gate_proj": (c.feed_forward, c.hidden), "up_proj": (c.feed_forward, c.hidden), "down_proj": (c.hidden, c.feed_forward),
            "embed_tokens": (c.vocabulary, c.hidden),
        }  # fmt: skip

    def __missing__(self, name):
        kind = name.split(".")[-2]
        if kind.endswith("norm"):
            return np.ones(self.config.hidden, np.float32)
        rows, columns = self.shapes[kind]
        start = zlib.crc32(name.encode()) % BLOCK.size
        scale = 0.1 if kind == "embed_tokens" else columns**-0.5
        return np.resize(np.roll(BLOCK, start), (rows, columns)) * np.float32(scale)


def file_graph(data, dtype):
    """A graph whose large weights go to a file at once, in the dtype; `placed` says where they are."""
    kind = np.dtype(np.float16 if dtype == "fp16" else np.float32)
    lowest, highest = np.finfo(kind).min, np.finfo(kind).max

    class FileGraph(llama_onnx.Graph):
        placed = {}

        def weight(self, name, values):
            if name in self.weights or values.dtype != np.float32:
                return super().weight(name, values)
            values = values.clip(lowest, highest).astype(kind)
            if values.nbytes < 2**20:
                return super().weight(name, values)
            data.write(b"\0" * (-data.tell() % 4096))
            self.placed[name] = (data.tell(), values.nbytes)
            data.write(values.tobytes())
            self.weights[name] = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(kind), dims=values.shape)
            return name

    return FileGraph


def make(folder, dtype):
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    config = config_of(dtype)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(TINY / name, folder / name)
    named = {"num_hidden_layers": config.layers, "num_attention_heads": config.heads, "num_key_value_heads": config.kv_heads, "max_position_embeddings": config.positions}
    told = json.loads((TINY / "config.json").read_text()) | {"hidden_size": config.hidden, "head_dim": config.head_dim, "_name_or_path": "large", **named}
    (folder / "config.json").write_text(json.dumps(told, indent=2))
    path = folder / "onnx" / f"model{SUFFIXES[dtype]}.onnx"
    with open(f"{path}.data", "wb") as data:
        llama_onnx.Graph = file_graph(data, dtype)
        model = llama_onnx.build(config, Weights(config))
    for value in (*model.graph.input, *model.graph.output):
        if dtype == "fp16" and value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    for tensor in model.graph.initializer:
        if tensor.name in llama_onnx.Graph.placed:
            offset, length = llama_onnx.Graph.placed[tensor.name]
            tensor.raw_data = b"\0"
            external_data_helper.set_external_data(tensor, f"{path.name}.data", offset, length)
            tensor.ClearField("raw_data")
    onnx.save(model, path)


def ask(folder, dtype, ids):
    config = config_of(dtype)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False
    opening, before = time.time(), time.process_time()
    session = onnxruntime.InferenceSession(str(folder / f"onnx/model{SUFFIXES[dtype]}.onnx"), options, ["CPUExecutionProvider"])
    opened, used = time.time(), time.process_time()
    kind = np.float16 if dtype == "fp16" else np.float32
    past = {i.name: np.zeros((1, config.kv_heads, 0, config.head_dim), kind) for i in session.get_inputs() if i.name.startswith("past")}
    names = ["logits", *(name.replace("past_key_values", "present") for name in past)]
    tokens, feed, total = [], ids, 0
    while len(tokens) < NEW_TOKENS:
        total += len(feed)
        positions = np.arange(total - len(feed), total)[None]
        feeds = {"input_ids": np.array([feed]), "attention_mask": np.ones((1, total), np.int64), "position_ids": positions, "num_logits_to_keep": np.array(1)}
        logits, *kept = session.run(names, feeds | past)
        tokens.append(int(logits[0, -1].argmax()))
        past, feed = dict(zip(past, kept)), tokens[-1:]
    ended, end = time.time(), time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    opening = {"seconds": opened - opening, "processorSeconds": used - before}
    answering = {"seconds": ended - opened, "processorSeconds": end - used}
    print(json.dumps({"tokens": tokens, "opening": opening, "answering": answering, "gib": memory}))


if __name__ == "__main__":
    what, folder, dtype, *ids = sys.argv[1:]
    if what == "make":
        make(Path(folder), dtype)
    else:
        ask(Path(folder), dtype, json.loads(ids[0]))
