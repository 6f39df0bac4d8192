"""Makes vision-language models with tiny random weights in the layout of the Hub, and what PyTorch answers with them.

    python bench/peers/vlm.py OUT family...

reads OUT/cases.json (messages, images, answers to score) and writes for each family the folders OUT/FAMILY-matmul and
OUT/FAMILY-gqa and OUT/FAMILY.json: tokens, margins and scores of `generate()` with Python's own processor, and the greedy
tokens of each export in ONNX Runtime for Python. `npx tsx bench/peers/vlm.ts` starts it. Needs, in a virtual environment,

    pip install torch==2.13.0 torchvision==0.28.0 transformers==5.24.0 pillow==13.0.0 num2words==0.5.14 \\
        onnx==1.23.2 onnx-ir==1.1.0 onnxruntime==1.30.0 onnxruntime-genai==0.18.0
"""

import json
import logging
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from vlm_onnx import LLAVA, QWEN, SUFFIXES, write_onnx
from vlm_tiny import FAMILIES, tiny

NEW_TOKENS = 8


def with_images(messages, images):
    """The messages of a case with its image files in place."""
    left = iter(images)
    part = lambda one: {"type": "image", "path": next(left)} if one["type"] == "image" else one
    return [{**message, "content": [part(one) for one in message["content"]]} for message in messages]


def inputs_of(processor, messages, generation=True):
    return processor.apply_chat_template(messages, add_generation_prompt=generation, tokenize=True, return_dict=True, return_tensors="pt")


@torch.no_grad()
def by_torch(model, processor, case):
    """Greedy and beam answers with the smallest margin of two logits on the way, and the score of a given answer."""
    messages = with_images(case["messages"], case["images"])
    inputs = inputs_of(processor, messages)
    length, end = inputs["input_ids"].shape[1], processor.tokenizer.eos_token_id
    greedy = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False, output_logits=True, return_dict_in_generate=True)
    best = [step[0].topk(2).values for step in greedy.logits]
    beams = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False, num_beams=3, length_penalty=0.0, early_stopping=False)
    whole = inputs_of(processor, [*messages, {"role": "assistant", "content": [{"type": "text", "text": case["answer"]}]}], False)
    ids = whole["input_ids"][0]
    assert ids[:length].tolist() == inputs["input_ids"][0].tolist(), "the answer changed the prompt's tokens"
    stop = length + ids[length:].tolist().index(end)
    chances = model(**whole).logits[0].double().log_softmax(-1)
    return {
        "ids": inputs["input_ids"][0].tolist(),
        "tokens": cut(greedy.sequences[0, length:].tolist(), end),
        "margin": min(float(two[0] - two[1]) for two in best),
        "beams": cut(beams[0, length:].tolist(), end),
        "logProb": sum(float(chances[at - 1, ids[at]]) for at in range(length, stop + 1)),
    }


def cut(tokens, end):
    return tokens[: tokens.index(end)] if end in tokens else tokens


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


class Graphs:
    """The three graphs of an export, run plainly: one prompt, whole, then a token a step."""

    def __init__(self, model, family, folder, dtype):
        self.model, self.family = model, family
        self.embed, self.vision, self.decoder = (session(folder / "onnx" / f"{name}{SUFFIXES[dtype]}.onnx") for name in ("embed_tokens", "vision_encoder", "decoder_model_merged"))
        config = model.config.get_text_config()
        self.heads = config.num_key_value_heads
        self.size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.types = {i.name: np.float16 if i.type == "tensor(float16)" else np.float32 for s in (self.embed, self.vision, self.decoder) for i in s.get_inputs()}
        self.takes = {i.name for i in self.decoder.get_inputs()}

    def features(self, images):
        """One image at a time, as there is nothing that images share."""
        half = self.types["pixel_values"]
        one = lambda inputs: self.vision.run(None, {k: v.astype(half) if k == "pixel_values" else v for k, v in inputs.items()})[0]
        return np.concatenate([one(inputs).reshape(-1, self.model.config.get_text_config().hidden_size) for inputs in images]).astype(np.float32)

    def positions(self, inputs):
        """[3, 1, S] or [1, S], and the position after the last."""
        length = inputs["input_ids"].shape[1]
        if self.family not in QWEN:
            return np.arange(length)[None], length
        ids, delta = self.model.model.get_rope_index(inputs["input_ids"], mm_token_type_ids=inputs["mm_token_type_ids"], image_grid_thw=inputs["image_grid_thw"])
        return ids.numpy(), length + int(delta)

    def generate(self, inputs, features):
        ids = inputs["input_ids"].numpy()
        embeds = self.embed.run(None, {"input_ids": ids})[0].astype(np.float32)
        embeds[ids == self.model.config.image_token_id] = features
        positions, after = self.positions(inputs)
        end, tokens, total = self.model.generation_config.eos_token_id, [], ids.shape[1]
        past = {name: np.zeros((1, self.heads, 0, self.size), self.types[name]) for name in self.takes if name.startswith("past")}
        names = ["logits", *(name.replace("past_key_values", "present") for name in past)]
        for step in range(NEW_TOKENS):
            feeds = {"inputs_embeds": embeds.astype(self.types["inputs_embeds"]), "attention_mask": np.ones((1, total), np.int64), **past}
            if "position_ids" in self.takes:
                feeds["position_ids"] = positions.astype(np.int64)
            if "num_logits_to_keep" in self.takes:
                feeds["num_logits_to_keep"] = np.array(1)
            logits, *kept = self.decoder.run(names, feeds)
            token = int(logits[0, -1].argmax())
            if token == end:
                break
            tokens.append(token)
            past = dict(zip(past, kept))
            embeds = self.embed.run(None, {"input_ids": np.array([[token]])})[0]
            positions = np.full_like(positions[..., :1], after + step)
            total += 1
        return tokens


def vision_inputs(processor, family, image):
    """What the vision encoder takes of one image, for LLaVA-OneVision as one of several."""
    if family in LLAVA:
        several = family == "llava_onevision"
        pixels = processor.image_processor(images=[[image, image]] if several else [image], return_tensors="np")["pixel_values"]
        return {"pixel_values": pixels[0] if several else pixels}
    pixels = processor.image_processor(images=[image], return_tensors="np")
    return {name: pixels[name] for name in ("pixel_values", "image_grid_thw" if family in QWEN else "pixel_attention_mask")} | (
        {} if family in QWEN else {"pixel_attention_mask": np.asarray(pixels["pixel_attention_mask"], bool)}
    )


def by_graphs(model, processor, family, folder, dtype, cases):
    from transformers.image_utils import load_image

    graphs = Graphs(model, family, folder, dtype)
    known = {}
    for path in {path for case in cases for path in case["images"]}:
        known[path] = graphs.features([vision_inputs(processor, family, load_image(path))])
    answer = lambda case: graphs.generate(inputs_of(processor, with_images(case["messages"], case["images"])), np.concatenate([known[path] for path in case["images"]]))
    return [answer(case) for case in cases]


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    out = Path(sys.argv[1])
    given = json.loads((out / "cases.json").read_text())
    for family in sys.argv[2:] or FAMILIES:
        start = time.time()
        model, processor = tiny(family, given["corpus"])
        cases = [case | {"messages": case["turns"]} for case in given["cases"]] if family in LLAVA else given["cases"]
        if family == "llava_onevision":  # shows an image alone in parts, which depends on the prompt
            cases = [case for case in cases if len(case["images"]) > 1]
        found = {"torch": [by_torch(model, processor, case) for case in cases], "graphs": {}}
        for attention in ("matmul", "gqa"):
            folder = out / f"{family}-{attention}"
            write_onnx(model, family, attention, folder / "onnx", processor.tokenizer)
            model.config.save_pretrained(folder)
            model.generation_config.save_pretrained(folder)
            processor.save_pretrained(folder)
            for dtype in SUFFIXES:
                found["graphs"][f"{attention} {dtype}"] = by_graphs(model, processor, family, folder, dtype, cases)
        model.save_pretrained(out / f"{family}-torch")
        processor.save_pretrained(out / f"{family}-torch")
        (out / f"{family}.json").write_text(json.dumps(found) + "\n")
        print(family, f"{time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
