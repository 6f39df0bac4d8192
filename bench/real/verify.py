"""Compares what bench/real/ask.ts wrote with PyTorch on the same weights, the ONNX file with it, and the speed of both with
llama.cpp. One thread everywhere; speed is prompts per second of processor time.

    python bench/real/verify.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --model real/model --asked asked.jsonl
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from gguf_llama import GgufLlama

HEAD = "Please answer the question according to the above context."
NEW_TOKENS = 5


def prompt_text(shown: list[dict]) -> str:
    units = [f"Context: {u['context'].strip()}\nQuestion: {u['question'].strip()}\nAnswer:" for u in shown]
    solved = [f"{unit} {u['answer'].strip()}" for unit, u in zip(units[:-1], shown[:-1])]
    return "\n\n".join([HEAD, *solved, units[-1]])


def torch_model(source: GgufLlama, config: dict) -> LlamaForCausalLM:
    model = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in config.items() if k not in ("_name_or_path", "architectures")})).eval()
    state = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in source.weights().items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return model


@torch.no_grad()
def greedy(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, text: str, ends: set[int]) -> str:
    ids = tokenizer.encode(text, add_special_tokens=False)
    out = model(torch.tensor([ids]), use_cache=True, logits_to_keep=1)
    made: list[int] = []
    while True:
        token = int(out.logits[0, -1].argmax())
        if token in ends:
            break
        made.append(token)
        if len(made) == NEW_TOKENS or "\n" in tokenizer.decode(made):
            break
        out = model(torch.tensor([[token]]), past_key_values=out.past_key_values, use_cache=True)
    return tokenizer.decode(made, skip_special_tokens=True).split("\n")[0]


@torch.no_grad()
def log_prob(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, text: str, answer: str) -> float:
    ids = tokenizer.encode(text, add_special_tokens=False)
    whole = tokenizer.encode(f"{text} {answer.strip()}\n\nContext:", add_special_tokens=False)
    end = len(tokenizer.encode(f"{text} {answer.strip()}", add_special_tokens=False)) + 1
    assert whole[: len(ids)] == ids
    rows = model(torch.tensor([whole[:end]])).logits[0].double().log_softmax(-1)
    return sum(float(rows[at - 1, whole[at]]) for at in range(len(ids), end))


@torch.no_grad()
def compare_logits(path: Path, model: LlamaForCausalLM, prompts: list[list[int]]) -> float:
    """Largest difference of a logit, relative to the largest logit, between the ONNX file and PyTorch."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    past = {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in session.get_inputs() if i.name.startswith("past")}
    worst = 0.0
    for ids in prompts:
        row = np.array([ids], np.int64)
        feeds = {"input_ids": row, "attention_mask": np.ones_like(row), "position_ids": np.arange(len(ids))[None], "num_logits_to_keep": np.array(len(ids))}
        (ours,) = session.run(["logits"], {**feeds, **past})
        theirs = model(torch.tensor([ids])).logits.numpy()
        worst = max(worst, float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    return worst


def rate(name: str, texts: list[str], answer) -> list[str]:
    began = time.process_time()
    answers = [answer(text) for text in texts]
    print(f"{name}: {len(texts)} prompts, {len(texts) / (time.process_time() - began):.2f} a second of processor time", flush=True)
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--asked", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    asked = [json.loads(line) for line in options.asked.read_text().splitlines()]
    texts = [prompt_text(one["shown"]) for one in asked]
    config = json.loads((options.model / "config.json").read_text())
    ends = set(json.loads((options.model / "generation_config.json").read_text())["eos_token_id"])
    model = torch_model(GgufLlama(options.gguf), config)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(options.model / "tokenizer.json"))

    some = [tokenizer.encode(text, add_special_tokens=False) for text in texts[::16]]
    print(f"logits of {len(some)} prompts: largest relative difference {compare_logits(options.model / 'onnx/model.onnx', model, some):.2e}")
    answers = rate("PyTorch", texts, lambda text: greedy(model, tokenizer, text, ends))
    same = sum(mine == one["raw"] for mine, one in zip(answers, asked))
    print(f"greedy answers: {same} of {len(asked)} equal")
    apart = [abs(log_prob(model, tokenizer, text, one["score"]["answer"]) - one["score"]["logProb"]) for text, one in zip(texts[::4], asked[::4])]
    print(f"log-probabilities of {len(apart)} answers: largest difference {max(apart):.2e}")

    from llama_cpp import Llama

    llama = Llama(options.gguf, n_ctx=1024, n_threads=1, n_threads_batch=1, verbose=False)
    bos = [tokenizer.encode(text, add_special_tokens=False) == llama.tokenize(text.encode(), add_bos=False) for text in texts]
    print(f"tokens: {sum(bos)} of {len(bos)} prompts as llama.cpp has them")

    def complete(text: str) -> str:
        llama.reset()
        said = llama.create_completion(llama.tokenize(text.encode(), add_bos=False), max_tokens=NEW_TOKENS, temperature=0, stop=["\n"])
        return said["choices"][0]["text"]

    for kind in ("shared", "unrelated"):
        rate(f"llama.cpp, {kind}", [text for text, one in zip(texts, asked) if one["kind"] == kind], complete)


if __name__ == "__main__":
    main()
