"""Writes a decoder of the Llama family as ONNX in the layout of the Hub (`onnx/model.onnx`), and those that differ from it in
what `LlamaConfig` names: Qwen2, Qwen3, SmolLM3, Gemma 3.

Letters: B rows, S new tokens, P cached tokens, T = P + S, D hidden size, H heads, KV key-value heads,
REP = H / KV, hd head size, F feed-forward size, V vocabulary.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class LlamaConfig:
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    norm_eps: float
    rope_theta: float
    positions: int
    # Layers that do not turn queries and keys by their positions (SmolLM3).
    unturned: frozenset[int] = frozenset()
    # Layers that see the last `window` positions alone, turned with `local_theta` (Gemma 3).
    local: frozenset[int] = frozenset()
    window: int = 0
    local_theta: float = 0.0
    # Root of what queries are divided by; the head size where it is 0.
    query_scalar: float = 0.0
    # Gemma: embeddings times sqrt(D), norms after attention and feed-forward too, GELU in place of SiLU.
    gemma: bool = False


class Graph:
    """Nodes and weights as they are added; every method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}
        self.count = 0

    def weight(self, name: str, values: np.ndarray) -> str:
        if name not in self.weights:
            self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def ints(self, *values: int) -> str:
        return self.weight("ints_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def op(self, kind: str, *inputs: str, outputs: int = 1, names=None, domain: str = "", **attributes):
        self.count += 1
        made = names or [f"{kind.lower()}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, made, f"{kind}_{self.count}", domain=domain, **attributes))
        return made[0] if len(made) == 1 else made


def rope_tables(config: LlamaConfig, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """[positions, hd / 2] cosines and sines of p * theta^(-2 i / hd)."""
    half = config.head_dim // 2
    speed = theta ** (-np.arange(half, dtype=np.float64) / half)
    angles = np.arange(config.positions, dtype=np.float64)[:, None] * speed[None]
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def build(config: LlamaConfig, weights: dict[str, np.ndarray], attention: str = "matmul", position_ids: bool = True, keep: bool = True) -> onnx.ModelProto:
    """The model; `weights` as in transformers (`model.layers.0.self_attn.q_proj.weight`, [out, in]).

    `attention`: `matmul`, plain operators, any mask; `gqa`, GroupQueryAttention of ONNX Runtime, which takes no
    position ids and whose rows must be padded on the right. `keep`: an input says of how many columns logits are wanted.
    """
    g = Graph()
    fused = attention == "gqa"
    embed = g.weight("embed_tokens", weights["model.embed_tokens.weight"])
    x = g.op("Gather", embed, "input_ids")
    if config.gemma:
        x = g.op("Mul", x, g.weight("embed_scale", np.array(config.hidden**0.5, dtype=np.float32)))
    context = shared_inputs(g, config, fused, position_ids)
    for layer in range(config.layers):
        x = block(g, config, weights, layer, x, context, fused)
    last = x
    if keep:
        first = g.op("Neg", g.op("Unsqueeze", "num_logits_to_keep", g.ints(0)))
        last = g.op("Slice", x, first, g.ints(2**31 - 1), g.ints(1))
    normed = norm(g, config, last, "norm", weights["model.norm.weight"])
    rows = g.op("Reshape", normed, g.ints(-1, config.hidden))
    head = weights.get("lm_head.weight")
    head_name = embed if head is None else g.weight("lm_head", head)
    flat = g.op("Gemm", rows, head_name, transB=1)
    shape = g.op("Concat", g.op("Slice", g.op("Shape", normed), g.ints(0), g.ints(2)), g.ints(config.vocabulary), axis=0)
    g.op("Reshape", flat, shape, names=["logits"])
    return model(g, config, position_ids and not fused, keep)


def shared_inputs(g: Graph, config: LlamaConfig, fused: bool, position_ids: bool) -> dict[str, str]:
    cos, sin = (g.weight(n, t) for n, t in zip(("cos", "sin"), rope_tables(config, config.rope_theta)))
    turns = {"cos": cos, "sin": sin}
    if config.local:
        turns |= {f"local_{n}": g.weight(f"local_{n}", t) for n, t in zip(("cos", "sin"), rope_tables(config, config.local_theta))}
    total = g.op("Slice", g.op("Shape", "attention_mask"), g.ints(1), g.ints(2))
    if fused:
        length = g.op("ReduceSum", "attention_mask", g.ints(1), keepdims=0)
        seqlens = g.op("Cast", g.op("Sub", length, g.ints(1)), to=TensorProto.INT32)
        return {**turns, "seqlens": seqlens, "total": g.op("Cast", g.op("Squeeze", total), to=TensorProto.INT32)}
    new = g.op("Slice", g.op("Shape", "input_ids"), g.ints(1), g.ints(2))
    past = g.op("Sub", total, new)
    positions = "position_ids"
    if not position_ids:
        counted = g.op("CumSum", "attention_mask", g.op("Squeeze", g.ints(1)))
        shifted = g.op("Max", g.op("Sub", counted, g.ints(1)), g.ints(0))
        positions = g.op("Slice", shifted, past, g.ints(2**31 - 1), g.ints(1))
    zero, one = (g.weight(n, np.array(v, dtype=np.int64)) for n, v in (("zero", 0), ("one", 1)))
    rows = g.op("Unsqueeze", g.op("Range", g.op("Squeeze", past), g.op("Squeeze", total), one), g.ints(1))
    columns = g.op("Unsqueeze", g.op("Range", zero, g.op("Squeeze", total), one), g.ints(0))
    causal = g.op("LessOrEqual", columns, rows)
    counts = g.op("Unsqueeze", g.op("Cast", "attention_mask", to=TensorProto.BOOL), g.ints(1, 2, 3))
    seen = g.op("And", causal, counts)
    lowest = g.weight("lowest", np.array(np.finfo(np.float32).min, dtype=np.float32))
    nothing = g.weight("nothing", np.array(0, dtype=np.float32))
    context = {**turns, "positions": positions, "mask": g.op("Where", seen, nothing, lowest)}
    if config.local:
        # A window counts positions, not slots: between those of a row there may be padding.
        taken = g.op("Sub", g.op("CumSum", "attention_mask", g.op("Squeeze", g.ints(1))), g.ints(1))
        apart = g.op("Sub", g.op("Unsqueeze", positions, g.ints(2)), g.op("Unsqueeze", taken, g.ints(1)))
        near = g.op("Unsqueeze", g.op("Less", apart, g.ints(config.window)), g.ints(1, 2))
        context["local_mask"] = g.op("Where", g.op("And", seen, near), nothing, lowest)
    return context


def norm(g: Graph, config: LlamaConfig, x: str, name: str, scale: np.ndarray) -> str:
    return g.op("SimplifiedLayerNormalization", x, g.weight(name, scale), axis=-1, epsilon=config.norm_eps, stash_type=1)


def block(g: Graph, c: LlamaConfig, weights: dict[str, np.ndarray], layer: int, x: str, context: dict[str, str], fused: bool) -> str:
    def of(name: str) -> np.ndarray:
        return weights[f"model.layers.{layer}.{name}.weight"]

    def matrix(name: str, *parts: np.ndarray) -> str:
        return g.weight(f"layer{layer}.{name}", np.concatenate([part.T for part in parts], axis=1))

    normed = norm(g, c, x, f"layer{layer}.input_norm", of("input_layernorm"))
    q_size, kv_size = c.heads * c.head_dim, c.kv_heads * c.head_dim
    joined = g.op("MatMul", normed, matrix("qkv", *(of(f"self_attn.{p}_proj") for p in "qkv")))
    bias = [weights.get(f"model.layers.{layer}.self_attn.{p}_proj.bias") for p in "qkv"]
    if bias[0] is not None:
        joined = g.op("Add", joined, g.weight(f"layer{layer}.qkv_bias", np.concatenate(bias)))
    q, k, v = g.op("Split", joined, g.ints(q_size, kv_size, kv_size), outputs=3, axis=-1)
    if f"model.layers.{layer}.self_attn.q_norm.weight" in weights:
        q, k = (norm_heads(g, c, x, f"layer{layer}.{n}_norm", of(f"self_attn.{n}_norm")) for n, x in (("q", q), ("k", k)))
    if c.query_scalar:
        q = g.op("Mul", q, g.weight("query_scale", np.array((c.head_dim / c.query_scalar) ** 0.5, dtype=np.float32)))
    read = group_query(g, c, layer, q, k, v, context) if fused else plain(g, c, layer, q, k, v, context)
    written = g.op("MatMul", read, matrix("o", of("self_attn.o_proj")))
    if c.gemma:
        written = norm(g, c, written, f"layer{layer}.after_norm", of("post_attention_layernorm"))
    x = g.op("Add", x, written)
    normed = norm(g, c, x, f"layer{layer}.post_norm", of("pre_feedforward_layernorm" if c.gemma else "post_attention_layernorm"))
    both = g.op("MatMul", normed, matrix("gate_up", of("mlp.gate_proj"), of("mlp.up_proj")))
    gate, up = g.op("Split", both, g.ints(c.feed_forward, c.feed_forward), outputs=2, axis=-1)
    opened = g.op("FastGelu", gate, domain="com.microsoft") if c.gemma else g.op("Mul", gate, g.op("Sigmoid", gate))
    down = g.op("MatMul", g.op("Mul", opened, up), matrix("down", of("mlp.down_proj")))
    if c.gemma:
        down = norm(g, c, down, f"layer{layer}.last_norm", of("post_feedforward_layernorm"))
    return g.op("Add", x, down)


def norm_heads(g: Graph, c: LlamaConfig, x: str, name: str, scale: np.ndarray) -> str:
    apart = g.op("Reshape", x, g.ints(0, 0, -1, c.head_dim))
    return g.op("Reshape", norm(g, c, apart, name, scale), g.ints(0, 0, -1))


def plain(g: Graph, c: LlamaConfig, layer: int, q: str, k: str, v: str, context: dict[str, str]) -> str:
    """Attention in plain operators; the REP heads of a key-value head are rows of one product."""
    rep = c.heads // c.kv_heads
    near = "local_" if layer in c.local else ""
    turn = [context["positions"], context[f"{near}cos"], context[f"{near}sin"]]
    mask = context[f"{near}mask"]
    if layer not in c.unturned:
        q, k = (g.op("RotaryEmbedding", t, *turn, domain="com.microsoft") for t in (q, k))
    scale = g.weight("scale", np.array(c.head_dim**-0.5, dtype=np.float32))
    split = g.op("Reshape", g.op("Mul", q, scale), g.ints(0, -1, c.kv_heads, rep, c.head_dim))
    folded = g.op("Reshape", g.op("Transpose", split, perm=[0, 2, 3, 1, 4]), g.ints(0, c.kv_heads, -1, c.head_dim))
    cached = []
    for part, values in (("key", k), ("value", v)):
        apart = g.op("Transpose", g.op("Reshape", values, g.ints(0, -1, c.kv_heads, c.head_dim)), perm=[0, 2, 1, 3])
        cached.append(g.op("Concat", f"past_key_values.{layer}.{part}", apart, axis=2, names=[f"present.{layer}.{part}"]))
    keys, values = cached
    scores = g.op("MatMul", folded, g.op("Transpose", keys, perm=[0, 1, 3, 2]))
    # The mask's shape gives S; [B, KV, REP * S, T] is seen as [B, KV, REP, S, T] for the sum.
    shape = g.op("Shape", mask)
    last_two = g.op("Slice", shape, g.ints(3), g.ints(5))
    apart = g.op("Reshape", scores, g.op("Concat", g.ints(0, c.kv_heads, rep), last_two, axis=0))
    shares = g.op("Softmax", g.op("Add", apart, mask), axis=-1)
    again = g.op("Reshape", shares, g.op("Shape", scores))
    read = g.op("Reshape", g.op("MatMul", again, values), g.ints(0, c.kv_heads, rep, -1, c.head_dim))
    return g.op("Reshape", g.op("Transpose", read, perm=[0, 3, 1, 2, 4]), g.ints(0, -1, c.heads * c.head_dim))


def group_query(g: Graph, c: LlamaConfig, layer: int, q: str, k: str, v: str, context: dict[str, str]) -> str:
    past = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
    present = [f"present.{layer}.{part}" for part in ("key", "value")]
    near = "local_" if layer in c.local else ""
    turn = [] if layer in c.unturned else [context[f"{near}cos"], context[f"{near}sin"]]
    inputs = [q, k, v, *past, context["seqlens"], context["total"], *turn]
    sizes = {"num_heads": c.heads, "kv_num_heads": c.kv_heads, "do_rotary": int(len(turn) > 0)}
    if near:
        sizes["local_window_size"] = c.window
    return g.op("GroupQueryAttention", *inputs, names=[f"attention_{layer}", *present], domain="com.microsoft", **sizes)[0]


def model(g: Graph, c: LlamaConfig, position_ids: bool, keep: bool) -> onnx.ModelProto:
    def value(name: str, kind: int, *dims) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, dims)

    cache = [(layer, part) for layer in range(c.layers) for part in ("key", "value")]
    inputs = [
        value("input_ids", TensorProto.INT64, "batch_size", "sequence_length"),
        value("attention_mask", TensorProto.INT64, "batch_size", "total_sequence_length"),
        *([value("position_ids", TensorProto.INT64, "batch_size", "sequence_length")] if position_ids else []),
        *(
            value(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, "batch_size", c.kv_heads, "past_sequence_length", c.head_dim)
            for layer, part in cache
        ),
        *([value("num_logits_to_keep", TensorProto.INT64)] if keep else []),
    ]
    outputs = [
        value("logits", TensorProto.FLOAT, "batch_size", "num_logits", c.vocabulary),
        *(
            value(f"present.{layer}.{part}", TensorProto.FLOAT, "batch_size", c.kv_heads, "total_sequence_length", c.head_dim)
            for layer, part in cache
        ),
    ]
    graph = helper.make_graph(g.nodes, "llama", inputs, outputs, list(g.weights.values()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="lever")
