"""Makes `fixtures/tiny-text`: a Llama of two layers with random weights and a byte-level BPE tokenizer, and what PyTorch
answers with it. The tests of vqa-model read it.

    python bench/real/make_tiny.py fixtures/tiny-text README.md docs/*.md
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel
from transformers import LlamaConfig as TorchConfig
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from bert_onnx import write_embedder
from llama_onnx import LlamaConfig, build

CONFIG = LlamaConfig(hidden=40, layers=2, heads=4, kv_heads=2, head_dim=16, feed_forward=80, vocabulary=400, norm_eps=1e-5, rope_theta=10000.0, positions=512)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HEAD = "Please answer the question according to the above context."
WORLD = [
    ("a brown dog on a couch.", "What animal is this?", "dog"),
    ("two red buses in a street, 1998.", "How many buses?", "2"),
    ("a man with a surfboard.", "What sport is it?", "surfing"),
    ("a plate with 12 bananas.", "Which fruit is this?", "banana"),
    ("ein Café in Zürich ☕", "Where is it?", "switzerland"),
]


def train_tokenizer(corpus: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, use_regex=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=CONFIG.vocabulary, special_tokens=SPECIAL, initial_alphabet=alphabet))
    return tokenizer


def random_model() -> LlamaForCausalLM:
    torch.manual_seed(7)
    c = CONFIG
    config = TorchConfig(
        hidden_size=c.hidden, num_hidden_layers=c.layers, num_attention_heads=c.heads, num_key_value_heads=c.kv_heads, head_dim=c.head_dim,
        intermediate_size=c.feed_forward, vocab_size=c.vocabulary, rms_norm_eps=c.norm_eps, rope_theta=c.rope_theta,
        max_position_embeddings=c.positions, tie_word_embeddings=True, initializer_range=0.25, bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def prompt_text(shown: list[int], asked: int) -> str:
    parts = [HEAD] + [f"Context: {c}\nQuestion: {q}\nAnswer: {a}" for c, q, a in (WORLD[i] for i in shown)]
    context, question, _ = WORLD[asked]
    return "\n\n".join([*parts, f"Context: {context}\nQuestion: {question}\nAnswer:"])


@torch.no_grad()
def expected(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, shown: list[int], asked: int) -> dict:
    ids = tokenizer.encode(prompt_text(shown, asked), add_special_tokens=False)
    tokens, stops = list(ids), {0, 2}
    for _ in range(8):
        best = int(model(torch.tensor([tokens])).logits[0, -1].argmax())
        if best in stops:
            break
        tokens.append(best)
        if "\n" in tokenizer.decode(tokens[len(ids) :]):
            break
    written = tokenizer.decode(tokens[len(ids) :], skip_special_tokens=True).split("\n")[0]
    answer = tokenizer.encode(" " + WORLD[asked][2], add_special_tokens=False) + tokenizer.encode("\n", add_special_tokens=False)
    every = model(torch.tensor([ids + answer])).logits[0].double().log_softmax(-1)
    score = sum(float(every[len(ids) - 1 + t, token]) for t, token in enumerate(answer))
    return {
        "shown": shown,
        "asked": asked,
        "ids": ids,
        "raw": written,
        "score": {"logProb": score, "tokens": len(answer)},
    }


def write_model(folder: Path, tokenizer: Tokenizer, proto: onnx.ModelProto) -> None:
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    c = CONFIG
    config = {
        "_name_or_path": "tiny-text", "model_type": "llama", "hidden_size": c.hidden, "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads, "num_key_value_heads": c.kv_heads, "head_dim": c.head_dim,
        "vocab_size": c.vocabulary, "max_position_embeddings": c.positions, "eos_token_id": 2,
    }  # fmt: skip
    names = {"tokenizer_class": "GPT2Tokenizer", "bos_token": SPECIAL[1], "eos_token": SPECIAL[2], "pad_token": SPECIAL[2], "unk_token": SPECIAL[0], "chat_template": CHAT}
    for name, value in {"config": config, "generation_config": {"eos_token_id": [0, 2]}, "tokenizer_config": names}.items():
        (folder / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False) + "\n")
    onnx.save(proto, folder / "onnx" / "model.onnx")


def write_sentences(folder: Path, corpus: list[str]) -> list[list[float]]:
    """A BERT of one layer and a WordPiece tokenizer; returns the mean-pooled rows of the contexts, of length 1."""
    torch.manual_seed(8)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=128, initializer_range=0.3)
    with tempfile.TemporaryDirectory() as made:
        source = Path(made)
        BertModel(config).eval().save_pretrained(source)
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
        fast.save_pretrained(source)
        names = {"tokenizer_class": "BertTokenizer", "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "model_max_length": 128}
        (source / "tokenizer_config.json").write_text(json.dumps(names, indent=2) + "\n")
        (source / "special_tokens_map.json").write_text("{}\n")
        write_embedder(source, folder, "tiny-sentences")
        bert = BertModel.from_pretrained(source).eval()
    inputs = fast([context for context, _, _ in WORLD], padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        hidden = bert(**inputs).last_hidden_state
    counts = inputs["attention_mask"][..., None]
    rows = torch.nn.functional.normalize((hidden * counts).sum(1) / counts.sum(1))
    return [[round(float(value), 6) for value in row] for row in rows]


def main() -> None:
    out = Path(sys.argv[1])
    corpus = [Path(name).read_text() for name in sys.argv[2:]]
    tokenizer = train_tokenizer(corpus)
    model = random_model()
    weights = {name: value.detach().numpy().astype(np.float32) for name, value in model.state_dict().items() if name != "lm_head.weight"}
    write_model(out / "matmul", tokenizer, build(CONFIG, weights))
    write_model(out / "gqa", tokenizer, build(CONFIG, weights, attention="gqa"))
    write_model(out / "no-positions", tokenizer, build(CONFIG, weights, position_ids=False, keep=False))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    shown = [[], [0], [1, 3], [2, 0, 1], [3, 2, 1, 0]]
    cases = [expected(model, fast, [i for i in list_ if i != asked], asked) for asked in range(len(WORLD)) for list_ in shown]
    world = [{"context": c, "question": q, "answer": a} for c, q, a in WORLD]
    (out / "expected.json").write_text(json.dumps({"world": world, "cases": cases, "rows": write_sentences(out / "sentences", corpus)}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
