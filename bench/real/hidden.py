"""The language model's own hidden states as embeddings, on the measured singles of the study (docs/real-benchmark.md): what
they predict of E beside sentence embeddings, and files of them for `lever evaluate`.

    python bench/real/hidden.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --real real --singles runs/real/singles/rl-data.json
    python bench/real/hidden.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --real real --evaluated runs/real/evaluate/per-question.jsonl

The second form writes `library.hidden-LAYER.safetensors` and `test.hidden-LAYER.safetensors` of the questions that were evaluated.

A hidden state is that of the last token of an example's question with its caption and no demonstration ("... Answer:"), which
a run that reads the query has at no cost. States are standardised over the library before they are compared. Evaluated as
bench/real/features.py does: ridge regressions in eight folds of images.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from transformers import PreTrainedTokenizerFast

from features import FOLDS, Singles, components, features, predictions, standard
from gguf_llama import GgufLlama
from verify import prompt_text, torch_model

LAYERS = (8, 15, 22, 30)


class Study(Singles):
    """The singles of `lever generate --reward expected`, which decodes nothing: there is no accuracy."""

    def __init__(self, singles: Path, bank: list[dict]) -> None:
        data = [row for key, row in json.loads(singles.read_text()).items() if key != "_meta"]
        told = [(row["query"]["query_id"], one["pointer_global"][0], one["vqa_gt_prob"]) for row in data for one in row["pointer_candidates"]]
        query, shown, self.expected = (np.array(column) for column in zip(*told))
        self.queries, self.query = np.unique(query, return_inverse=True)
        self.bank, self.shown = np.unique(shown, return_inverse=True)
        images = {row["query"]["query_id"]: row["query"]["image_id"] for row in data}
        self.image = np.unique([images[q] for q in self.queries], return_inverse=True)[1]
        self.fold = np.random.default_rng(0).permutation(self.image.max() + 1)[self.image][self.query] % FOLDS
        self.examples = {row["id"]: row for row in bank}


def examples_of(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{**row, "id": row["question_id"], "caption": row["context"]} for row in rows]


@torch.no_grad()
def states(model, tokenizer, rows: list[dict], size: int = 16) -> np.ndarray:
    """[examples, layers, D]"""
    texts = [prompt_text([{"context": row["context"], "question": row["question"], "answer": ""}]) for row in rows]
    ids = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = np.zeros((len(ids), len(LAYERS), model.config.hidden_size), np.float32)
    for start in range(0, len(order), size):
        part = order[start : start + size]
        longest = max(len(ids[i]) for i in part)
        padded = torch.tensor([ids[i] + [0] * (longest - len(ids[i])) for i in part])
        mask = torch.tensor([[1] * len(ids[i]) + [0] * (longest - len(ids[i])) for i in part])
        hidden = model.model(input_ids=padded, attention_mask=mask, output_hidden_states=True).hidden_states
        for row, i in enumerate(part):
            found[i] = np.stack([hidden[layer][row, len(ids[i]) - 1].numpy() for layer in LAYERS])
    return found


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def sentence_rows(path: Path) -> dict[int, np.ndarray]:
    rows = load_file(path)
    return dict(zip(rows["ids"].tolist(), rows["embeddings"]))


def metadata_of(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))["__metadata__"]


def write_embeddings(real: Path, split: str, ids: np.ndarray, values: np.ndarray, layer: int) -> None:
    """In the form of `lever embed`, kind text, so that `rices-text` retrieves by it."""
    metadata = {**metadata_of(real / f"{split}.safetensors"), "kind": "text", "model": f"SmolLM2-135M-Instruct, layer {layer}"}
    save_file({"embeddings": values.astype(np.float32), "ids": ids}, str(real / f"{split}.hidden-{layer}.safetensors"), metadata)


def blocks(data: Study, sentence: tuple[np.ndarray, np.ndarray], hidden: tuple[np.ndarray, np.ndarray]) -> dict[str, list[tuple[str, np.ndarray]]]:
    asked, shown = sentence
    half = asked.shape[1] // 2
    similar = standard(np.stack([cosine(asked[data.query][:, at], shown[data.shown][:, at]) for at in (slice(half), slice(half, None))], 1))
    layers = {layer: standard(cosine(hidden[0][data.query, i], hidden[1][data.shown, i])[:, None]) for i, layer in enumerate(LAYERS)}
    every = np.hstack(list(layers.values()))
    number = ("number", np.eye(len(data.bank))[data.shown])
    described = ("few", standard(np.array([features(data.examples[i]) for i in data.bank.tolist()], float)[data.shown]))
    last = np.vstack([hidden[0][:, -1], hidden[1][:, -1]])
    a, b = components(hidden[0][:, -1], last)[data.query], components(hidden[1][:, -1], last)[data.shown]
    pairs = (a[:, :, None] * b[:, None]).reshape(len(a), -1) / 4
    return {
        "a number per demonstration": [number],
        "features of the demonstration": [described],
        "similarities of sentence embeddings": [("few", similar)],
        **{f"similarity of hidden states, layer {layer}": [("few", values)] for layer, values in layers.items()},
        "similarities of hidden states, all four layers": [("few", every)],
        "number + sentence": [number, ("few", similar)],
        "number + hidden": [number, ("few", every)],
        "number + sentence + hidden": [number, ("few", np.hstack([similar, every]))],
        "number + sentence + hidden + bilinear of the last layer": [number, ("few", np.hstack([similar, every])), ("demonstration", b), ("pair", pairs)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--real", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--singles", type=Path)
    source.add_argument("--evaluated", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    library = examples_of(options.real / "library")
    config = json.loads((options.real / "model/config.json").read_text())
    model = torch_model(GgufLlama(options.gguf), config)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(options.real / "model/tokenizer.json"))
    of_library = states(model, tokenizer, library)
    mean, scale = of_library.mean(0), of_library.std(0) + 1e-6
    if options.evaluated:
        asked = {json.loads(line)["query"] for line in options.evaluated.read_text().splitlines()}
        test = [row for row in examples_of(options.real / "test") if row["id"] in asked]
        for split, rows, values in (("library", library, of_library), ("test", test, states(model, tokenizer, test))):
            for i, layer in enumerate(LAYERS):
                write_embeddings(options.real, split, np.array([row["id"] for row in rows]), ((values - mean) / scale)[:, i], layer)
        return
    data = Study(options.singles, library)
    train = {row["id"]: row for row in examples_of(options.real / "train")}
    at = {row["id"]: i for i, row in enumerate(library)}
    shown = ((of_library - mean) / scale)[[at[i] for i in data.bank.tolist()]]
    asked = (states(model, tokenizer, [train[i] for i in data.queries.tolist()]) - mean) / scale
    texts = [sentence_rows(options.real / f"{split}.safetensors") for split in ("train", "library")]
    sentence = tuple(np.stack([rows[i] for i in ids.tolist()]) for rows, ids in zip(texts, (data.queries, data.bank)))
    print(f"{len(data.query)} singles of {len(data.queries)} queries", flush=True)
    first = None
    target = data.centred(data.expected[:, None])[:, 0]
    for name, parts in blocks(data, sentence, (asked, shown)).items():
        told = predictions(data, parts, target)
        r2 = 1 - ((target - told) ** 2).sum() / (target**2).sum()
        chosen = np.array([rows[np.argmax(told[rows])] for rows in (np.flatnonzero(data.query == q) for q in range(len(data.queries)))])
        won = data.expected[chosen] - data.mean(data.expected)
        first = won if first is None else first
        print(f"{name}: r2 {r2:.3f}, E minus random {data.interval(won)}, minus the first {data.interval(won - first)}", flush=True)


if __name__ == "__main__":
    main()
