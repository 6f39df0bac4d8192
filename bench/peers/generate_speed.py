"""Answers of a vision-language model by `generate()` of transformers, for bench/peers/generate-speed.ts.

Reads one JSON object a line from standard input and answers each with one line. Needs what vlm.py needs, but for ONNX.
"""

import json
import sys
import time
import warnings

import any_torchvision  # noqa: F401
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.image_utils import load_image


def with_images(messages, images):
    left = iter(images)
    part = lambda one: {"type": "image", "image": load_image(next(left))} if one["type"] == "image" else one
    return [{**message, "content": [part(one) for one in message["content"]]} for message in messages]


class Answers:
    def __init__(self, job):
        self.device = job["device"]
        limits = {} if job["maxPixels"] is None else {"max_pixels": job["maxPixels"]}
        self.processor = AutoProcessor.from_pretrained(job["model"], **limits)
        self.processor.tokenizer.padding_side = "left"
        self.model = AutoModelForImageTextToText.from_pretrained(job["model"], dtype=getattr(torch, job["dtype"])).to(self.device).eval()

    def wait(self):
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()

    @torch.inference_mode()
    def some(self, cases, new_tokens):
        chats = [with_images(case["messages"], case["images"]) for case in cases]
        inputs = self.processor.apply_chat_template(chats, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", processor_kwargs={"padding": True})
        inputs = inputs.to(self.device)
        found = self.model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False, repetition_penalty=1.0)
        texts = self.processor.tokenizer.batch_decode(found[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return texts

    def run(self, cases, batch, new_tokens):
        self.some(cases[:batch], new_tokens)
        self.wait()
        wall, cpu = time.perf_counter(), time.process_time()
        texts = [text for i in range(0, len(cases), batch) for text in self.some(cases[i : i + batch], new_tokens)]
        self.wait()
        memory = torch.cuda.max_memory_allocated() / 2**30 if self.device.startswith("cuda") else 0
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "texts": texts, "gib": memory}


def main():
    warnings.simplefilter("ignore")
    answers = None
    for line in sys.stdin:
        job = json.loads(line)
        if job["do"] == "hello":
            torch.set_num_threads(job["threads"])
            found = {"version": torch.__version__}
        elif job["do"] == "open":
            answers = Answers(job)
            found = {}
        else:
            found = answers.run(job["cases"], job["batch"], job["newTokens"])
        print(json.dumps(found), flush=True)


main()
