"""Makes `fixtures/tiny-text/families`: random models of two layers of the other text decoders, and what PyTorch answers.

    python bench/real/make_families.py fixtures/tiny-text

Every one comes with plain attention, and with GroupQueryAttention, as exports on the Hub have it (`-gqa`).
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers import Gemma3TextConfig, Qwen2Config, Qwen3Config, SmolLM3Config

from llama_onnx import LlamaConfig, build
from make_tiny import WORLD, expected

COMMON = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 48,
    "vocab_size": 400, "rms_norm_eps": 1e-5, "max_position_embeddings": 512, "tie_word_embeddings": True, "initializer_range": 0.3,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
}  # fmt: skip
# Where the size of a head is the hidden size over their number.
WHOLE = {key: value for key, value in COMMON.items() if key != "head_dim"} | {"hidden_size": 32}
LOCAL_THETA = 100.0
WINDOW = 12


def theta(value: float) -> dict:
    return {"rope_type": "default", "rope_theta": value}


FAMILIES = {
    "qwen2": Qwen2Config(**WHOLE, rope_parameters=theta(10000.0)),
    "qwen3": Qwen3Config(**COMMON, rope_parameters=theta(10000.0)),
    "smollm3": SmolLM3Config(**WHOLE, no_rope_layers=[1, 0], rope_parameters=theta(10000.0)),
    "gemma3_text": Gemma3TextConfig(
        **COMMON, query_pre_attn_scalar=16, sliding_window=WINDOW, layer_types=["sliding_attention", "full_attention"],
        rope_parameters={"sliding_attention": theta(LOCAL_THETA), "full_attention": theta(10000.0)},
    ),
}  # fmt: skip


def shape_of(config) -> LlamaConfig:
    gemma = config.model_type == "gemma3_text"
    kinds = getattr(config, "layer_types", None) or []
    local = frozenset(i for i, kind in enumerate(kinds) if kind == "sliding_attention") if gemma else frozenset()
    parameters = config.rope_parameters
    whole = parameters["full_attention"] if gemma else parameters
    return LlamaConfig(
        hidden=config.hidden_size, layers=config.num_hidden_layers, heads=config.num_attention_heads, kv_heads=config.num_key_value_heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads, feed_forward=config.intermediate_size,
        vocabulary=config.vocab_size, norm_eps=config.rms_norm_eps, rope_theta=whole["rope_theta"], positions=config.max_position_embeddings,
        unturned=frozenset(i for i, turned in enumerate(getattr(config, "no_rope_layers", None) or []) if not turned),
        local=local, window=config.sliding_window if gemma else 0, local_theta=parameters["sliding_attention"]["rope_theta"] if gemma else 0.0,
        query_scalar=config.query_pre_attn_scalar if gemma else 0.0, gemma=gemma,
    )  # fmt: skip


def weights_of(model) -> dict[str, np.ndarray]:
    """As the exporter wants them: Gemma's norms are stored less one."""
    gemma = model.config.model_type == "gemma3_text"
    found = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        found.pop("lm_head.weight", None)
    return {name: value + 1 if gemma and "norm" in name else value for name, value in found.items()}


def main() -> None:
    root = Path(sys.argv[1])
    fast = PreTrainedTokenizerFast(tokenizer_file=str(root / "matmul/tokenizer.json"))
    told = {}
    for name, config in FAMILIES.items():
        torch.manual_seed(11)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
        with torch.no_grad():
            for key, value in model.named_parameters():
                if key.endswith("bias") or "norm" in key:
                    value.add_(0.2 * torch.randn_like(value))
        shape = shape_of(config)
        for attention, folder in (("matmul", root / "families" / name), ("gqa", root / "families" / f"{name}-gqa")):
            (folder / "onnx").mkdir(parents=True, exist_ok=True)
            for file in ("generation_config.json", "tokenizer.json", "tokenizer_config.json"):
                shutil.copy(root / "matmul" / file, folder / file)
            facts = {"_name_or_path": f"tiny-{name}", "model_type": name, **{key: COMMON[key] for key in COMMON if not key.startswith("init")}}
            facts |= {"hidden_size": shape.hidden, "head_dim": shape.head_dim}
            (folder / "config.json").write_text(json.dumps(facts, indent=2) + "\n")
            onnx.save(build(shape, weights_of(model), attention=attention), folder / "onnx" / "model.onnx")
        shown = [[], [0], [1, 3], [3, 2, 1, 0]]
        told[name] = [expected(model, fast, [i for i in list_ if i != asked], asked) for asked in range(len(WORLD)) for list_ in shown]
    (root / "families.json").write_text(json.dumps(told, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
