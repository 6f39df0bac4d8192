"""Reads a Llama model out of a GGUF file: its weights in float32, named as in transformers, and its tokenizer."""

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

from llama_onnx import LlamaConfig

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class GgufLlama:
    def __init__(self, path: str) -> None:
        self.reader = GGUFReader(path)
        if self.field("general.architecture") != "llama":
            raise SystemExit(f"{path} is of architecture {self.field('general.architecture')}, not llama")
        width, heads = self.field("llama.embedding_length"), self.field("llama.attention.head_count")
        self.config = LlamaConfig(
            hidden=width,
            layers=self.field("llama.block_count"),
            heads=heads,
            kv_heads=self.field("llama.attention.head_count_kv"),
            head_dim=width // heads,
            feed_forward=self.field("llama.feed_forward_length"),
            vocabulary=len(self.field("tokenizer.ggml.tokens")),
            norm_eps=self.field("llama.attention.layer_norm_rms_epsilon"),
            rope_theta=self.field("llama.rope.freq_base"),
            positions=self.field("llama.context_length"),
        )

    def field(self, name: str):
        return self.reader.fields[name].contents()

    def weights(self) -> dict[str, np.ndarray]:
        """[out, in] each. llama.cpp turns neighbouring columns of a head by RoPE, transformers halves: undone here."""
        found = {}
        for tensor in self.reader.tensors:
            values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            name = self.name_of(tensor.name)
            heads = {"q_proj": self.config.heads, "k_proj": self.config.kv_heads}.get(name.split(".")[-2])
            if heads is not None:
                values = values.reshape(heads, -1, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
            found[name] = values
        return found

    def name_of(self, name: str) -> str:
        whole = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}
        if name in whole:
            return whole[name]
        _, layer, part, _ = name.split(".")
        return f"model.layers.{layer}.{NAMES[part]}.weight"

    def hub_config(self, name: str) -> dict:
        c = self.config
        return {
            "_name_or_path": name,
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": c.hidden,
            "num_hidden_layers": c.layers,
            "num_attention_heads": c.heads,
            "num_key_value_heads": c.kv_heads,
            "head_dim": c.head_dim,
            "intermediate_size": c.feed_forward,
            "vocab_size": c.vocabulary,
            "rms_norm_eps": c.norm_eps,
            "rope_theta": c.rope_theta,
            "max_position_embeddings": c.positions,
            "hidden_act": "silu",
            "tie_word_embeddings": "output.weight" not in [tensor.name for tensor in self.reader.tensors],
            "bos_token_id": self.field("tokenizer.ggml.bos_token_id"),
            "eos_token_id": self.field("tokenizer.ggml.eos_token_id"),
            "pad_token_id": self.field("tokenizer.ggml.padding_token_id"),
        }

    def tokenizer(self) -> dict:
        """tokenizer.json of a byte-level BPE that takes digits one by one (`tokenizer.ggml.pre` is smollm)."""
        if (self.field("tokenizer.ggml.model"), self.field("tokenizer.ggml.pre")) != ("gpt2", "smollm"):
            raise SystemExit("only the tokenizer of SmolLM is known here")
        tokens, kinds = self.field("tokenizer.ggml.tokens"), self.field("tokenizer.ggml.token_type")
        control = 3
        added = [
            {"id": i, "content": tokens[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, kind in enumerate(kinds)
            if kind == control
        ]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
            "post_processor": None,
            "decoder": byte_level,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "vocab": {token: i for i, token in enumerate(tokens)},
                "merges": self.field("tokenizer.ggml.merges"),
            },
        }

    def tokenizer_config(self) -> dict:
        tokens = self.field("tokenizer.ggml.tokens")

        def token(name: str) -> str:
            return tokens[self.field(f"tokenizer.ggml.{name}_token_id")]

        return {
            "tokenizer_class": "GPT2Tokenizer",
            "add_prefix_space": False,
            "bos_token": token("bos"),
            "eos_token": token("eos"),
            "unk_token": token("unknown"),
            "pad_token": token("padding"),
            "model_max_length": self.config.positions,
            "clean_up_tokenization_spaces": False,
            "chat_template": self.field("tokenizer.chat_template"),
        }
