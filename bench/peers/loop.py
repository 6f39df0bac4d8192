"""Puts the whole decoding of a model into one graph: a Loop whose body is the decoder, the choice of the next token and its embedding.

    python bench/peers/loop.py FOLDER SUFFIX    reads FOLDER/onnx/decoder_model_merged{SUFFIX}.onnx with embed_tokens{SUFFIX}.onnx, or
                                                model{SUFFIX}.onnx, and writes decode_loop{SUFFIX}.onnx beside them

Weights stay where they are: initialisers of the outer graph, which the body reads, and external data is referred to.

    inputs   prompt_*       what the decoder takes of S new tokens, padded on the right: [B, S, D] embeddings or [B, S] ids, the mask
                            [B, P + S], positions; prefix.* keys and values of P tokens
             last [B]       column of a row's last token;  after [B] the position that follows it
             ends [E]       end tokens;  steps []  most tokens
    output   tokens         [steps, B]; what follows a row's end token does not count

`npx tsx bench/peers/loop.ts` starts it and compares. Needs pip install onnx==1.23.2 numpy==2.4.6.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INT, BOOL, FLOAT = TensorProto.INT64, TensorProto.BOOL, TensorProto.FLOAT


class Body:
    """Nodes as they are added, with constants as initialisers of the outer graph."""

    def __init__(self, constants):
        self.nodes, self.constants, self.count = [], constants, 0

    def op(self, kind, *inputs, name=None, **attributes):
        self.count += 1
        name = name or f"loop/{kind}_{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], f"loop/{kind}_{self.count}", **attributes))
        return name

    def constant(self, values, kind=np.int64):
        array = np.array(values, kind)
        name = f"loop/{kind.__name__}_{'_'.join(map(str, array.reshape(-1)))}_{array.ndim}"
        self.constants.setdefault(name, numpy_helper.from_array(array, name))
        return name


def renamed(graph, prefix, kept):
    """The nodes and initialisers of a graph without subgraphs, with their values renamed but for those in `kept`."""
    name = lambda value: kept.get(value, f"{prefix}{value}" if value else value)
    nodes = []
    for node in graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = f"{prefix}{node.name}"
        copy.input[:], copy.output[:] = map(name, node.input), map(name, node.output)
        nodes.append(copy)
    weights = []
    for weight in graph.initializer:
        copy = onnx.TensorProto()
        copy.CopyFrom(weight)
        copy.name = name(weight.name)
        weights.append(copy)
    return nodes, weights


def typed(name, value):
    """A value of the same type; sizes that have names change from one turn of the loop to the next and get others."""
    kind = value.type.tensor_type
    return helper.make_tensor_value_info(name, kind.elem_type, [dim.dim_value or f"{name}_{i}" for i, dim in enumerate(kind.shape.dim)])


def advance(body, inputs, weights, embed):
    """The nodes after the decoder: the token of every row, whether all have ended, and the inputs of the next turn."""
    op, constant = body.op, body.constant
    tokens = "inputs_embeds" if "inputs_embeds" in inputs else "input_ids"
    zero, one = constant([0]), constant([1])
    # Column of a row's last token among those that have logits.
    columns = op("Slice", op("Shape", "logits"), one, constant([2]))
    new = op("Slice", op("Shape", tokens), one, constant([2]))
    column = op("Sub", "last", op("Sub", new, columns))
    best = op("ArgMax", op("Cast", "logits", to=FLOAT), axis=2, keepdims=0)
    chosen = op("GatherElements", best, op("Unsqueeze", column, one), axis=1)
    token = op("Squeeze", chosen, one, name="loop/token")
    ends = op("ReduceSum", op("Cast", op("Equal", chosen, op("Unsqueeze", "ends", zero)), to=INT), one, keepdims=0)
    done = op("Or", "done", op("Cast", ends, to=BOOL), name="loop/done")
    op("Cast", op("ReduceSum", op("Cast", op("Not", done), to=INT), zero, keepdims=0), to=BOOL, name="loop/going")
    if embed is None:
        op("Identity", chosen, name=f"next/{tokens}")
    else:
        kind = inputs[tokens].type.tensor_type.elem_type
        nodes, more = renamed(embed.graph, "embed/", {"input_ids": chosen, "inputs_embeds": "embed/out"})
        body.nodes += nodes
        weights.extend(more)
        op("Cast", "embed/out", to=kind, name=f"next/{tokens}")
    op("Concat", "attention_mask", op("Add", op("Mul", chosen, zero), one), axis=1, name="next/attention_mask")
    if "position_ids" in inputs:
        place = op("Unsqueeze", op("Add", "after", "iteration"), one)
        axes = len(inputs["position_ids"].type.tensor_type.shape.dim)
        op("Expand", place, constant([3, 1, 1]) if axes == 3 else constant([1, 1]), name="next/position_ids")
    op("Mul", "last", zero, name="next/last")


def build(decoder, embed):
    graph = decoder.graph
    inputs = {value.name: value for value in graph.input}
    weights = list(graph.initializer)
    constants = {}
    body = Body(constants)
    if "num_logits_to_keep" in inputs:
        tokens = "inputs_embeds" if "inputs_embeds" in inputs else "input_ids"
        new = body.op("Squeeze", body.op("Slice", body.op("Shape", tokens), body.constant([1]), body.constant([2])))
        body.op("Sub", new, body.op("ReduceMin", "last", keepdims=0), name="num_logits_to_keep")
    body.nodes += graph.node
    advance(body, inputs, weights, embed)

    carried = [name for name in inputs if name != "num_logits_to_keep" and not name.startswith("past_key_values.")]
    past = [name for name in inputs if name.startswith("past_key_values.")]
    rows = lambda name, kind: helper.make_tensor_value_info(name, kind, ["rows"])
    scalar = lambda name, kind: helper.make_tensor_value_info(name, kind, [])
    present = {name: name.replace("past_key_values", "present") for name in past}
    body_inputs = [
        scalar("iteration", INT), scalar("cond", BOOL), *(typed(name, inputs[name]) for name in carried + past), rows("done", BOOL), rows("last", INT),
    ]  # fmt: skip
    body_outputs = [
        scalar("loop/going", BOOL), *(typed(f"next/{name}", inputs[name]) for name in carried), *(typed(present[name], inputs[name]) for name in past),
        rows("loop/done", BOOL), rows("next/last", INT), rows("loop/token", INT),
    ]  # fmt: skip
    inner = helper.make_graph(body.nodes, "step", body_inputs, body_outputs)

    outer = Body(constants)
    prompt = {name: f"prompt_{name}" for name in carried} | {name: name.replace("past_key_values", "prefix") for name in past}
    none_done = outer.op("Less", "last", outer.constant([0]))
    first = [*prompt.values(), none_done, "last"]
    ended = [f"end/{name}" for name in (*carried, *past, "done", "last")]
    loop = helper.make_node("Loop", ["steps", outer.constant(True, np.bool_), *first], [*ended, "tokens"], "loop", body=inner)
    outer_inputs = [typed(prompt[name], inputs[name]) for name in carried + past] + [rows("last", INT), rows("after", INT)]
    outer_inputs += [helper.make_tensor_value_info("ends", INT, ["end_tokens"]), scalar("steps", INT)]
    outputs = [helper.make_tensor_value_info("tokens", INT, ["turns", "rows"])]
    whole = helper.make_graph([*outer.nodes, loop], "decode_loop", outer_inputs, outputs, [*weights, *constants.values()])
    return helper.make_model(whole, opset_imports=decoder.opset_import, ir_version=max(decoder.ir_version, 8), producer_name="lever")


def main():
    folder, suffix = Path(sys.argv[1]) / "onnx", sys.argv[2] if len(sys.argv) > 2 else ""
    read = lambda name: onnx.load(folder / f"{name}{suffix}.onnx", load_external_data=False)
    merged = (folder / f"decoder_model_merged{suffix}.onnx").exists()
    decoder, embed = (read("decoder_model_merged"), read("embed_tokens")) if merged else (read("model"), None)
    onnx.save(build(decoder, embed), folder / f"decode_loop{suffix}.onnx")


if __name__ == "__main__":
    main()
