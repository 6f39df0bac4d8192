"""ONNX files of vision-language models in the layout of the Hub: `embed_tokens`, `vision_encoder`, `decoder_model_merged`.

Plain attention (`matmul`) is what torch.onnx.export makes of the PyTorch model; `gqa` are the decoders of ONNX Runtime
GenAI's model builder, with GroupQueryAttention. Half and quantised files come from ONNX Runtime's own tools, as those of
the Hub do.
"""

import contextlib
import io
import tempfile
from pathlib import Path

import any_torchvision  # noqa: F401
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime_genai.models.builder import create_model, parse_extra_options
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM
from transformers.cache_utils import DynamicCache
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.modeling_qwen2_vl import apply_rotary_pos_emb_vision
from transformers.vision_utils import _interpolation_axis_taps_weights as taps_weights

LLAVA = ("llava", "llava_onevision")
QWEN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
SUFFIXES = {"fp32": "", "fp16": "_fp16", "q4": "_q4", "q4f16": "_q4f16", "q8": "_quantized"}


class Embed(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.table = model.get_input_embeddings()

    def forward(self, input_ids):
        return self.table(input_ids)


class Decoder(nn.Module):
    """[B, S, D] embeddings on P cached tokens to logits [B, S, V] and keys and values [B, KV, P + S, hd]."""

    def __init__(self, model, keep):
        super().__init__()
        self.text = model.model.text_model if hasattr(model.model, "text_model") else model.model.language_model
        self.head = model.lm_head
        self.keep = keep

    def forward(self, inputs_embeds, attention_mask, position_ids, *more):
        past = more[1:] if self.keep else more
        new, total = inputs_embeds.shape[1], attention_mask.shape[1]
        rows = torch.arange(total - new, total)[:, None]
        seen = (torch.arange(total)[None] <= rows)[None, None] & (attention_mask[:, None, None] > 0)
        mask = torch.where(seen, torch.tensor(0.0), torch.tensor(torch.finfo(torch.float32).min))
        cache = DynamicCache([(past[2 * i], past[2 * i + 1]) for i in range(len(past) // 2)])
        hidden = self.text(inputs_embeds=inputs_embeds, attention_mask=mask, position_ids=position_ids, cache=cache, use_cache=True)[0]
        if self.keep:
            hidden = hidden[:, -more[0] :]
        return self.head(hidden), *(part for layer in cache.layers for part in (layer.keys, layer.values))


class QwenVision(nn.Module):
    """The encoders of Qwen2-VL and its successors for one image, without their loops over images and windows: patches
    of one window see each other, which a mask says."""

    def __init__(self, model, family):
        super().__init__()
        self.visual = model.model.visual
        self.family = family

    def forward(self, pixel_values, image_grid_thw):
        visual = self.visual
        merge = visual.spatial_merge_size
        height, width = image_grid_thw[0, 1], image_grid_thw[0, 2]
        at = torch.arange(height * width)
        block = at // (merge * merge)
        row = block // (width // merge) * merge + at // merge % merge
        column = block % (width // merge) * merge + at % merge
        hidden = visual.patch_embed(pixel_values)
        if self.family == "qwen3_vl":
            hidden = hidden + self.positions(row, column, height, width)
        turns = visual.rotary_pos_emb(hidden, torch.stack([row, column], -1))
        everything = getattr(visual, "fullatt_block_indexes", range(len(visual.blocks)))
        for index, layer in enumerate(visual.blocks):
            hidden = hidden + self.attend(layer, hidden, turns, None if index in everything else self.window(row, column))
            hidden = hidden + layer.mlp(layer.norm2(hidden))
        return visual.merger(hidden)

    def window(self, row, column):
        side = self.visual.window_size // self.visual.patch_size
        place = row // side * 100000 + column // side
        return torch.where(place[:, None] == place[None], torch.tensor(0.0), torch.tensor(torch.finfo(torch.float32).min))

    def positions(self, row, column, height, width):
        side = self.visual.num_grid_per_side
        (rows, down), (columns, across) = (taps_weights(i, n, side, "bilinear", True) for i, n in ((row, height), (column, width)))
        places = (rows[:, :, None] * side + columns[:, None]).reshape(-1, 4)
        weights = (down[:, :, None] * across[:, None]).reshape(-1, 4)
        return (self.visual.pos_embed(places) * weights[:, :, None]).sum(1)

    def attend(self, layer, hidden, turns, mask):
        attention = layer.attn
        parts = attention.qkv(layer.norm1(hidden)).reshape(-1, 3, attention.num_heads, attention.head_dim).unbind(1)
        q, k = apply_rotary_pos_emb_vision(parts[0], parts[1], *turns)
        q, k, v = (part.transpose(0, 1) for part in (q, k, parts[2]))
        scores = q @ k.transpose(1, 2) * attention.scaling
        scores = scores if mask is None else scores + mask
        return attention.proj((scores.softmax(-1) @ v).transpose(0, 1).flatten(1))


class TileVision(nn.Module):
    """Idefics3 and SmolVLM: all tiles are whole, so there is nothing to mask."""

    def __init__(self, model):
        super().__init__()
        self.vision, self.connector = model.model.vision_model, model.model.connector
        embeddings = self.vision.embeddings
        self.register_buffer("places", torch.arange(embeddings.num_positions)[None])

    def forward(self, pixel_values, pixel_attention_mask):
        embeddings = self.vision.embeddings
        tiles = pixel_values.flatten(0, 1)
        hidden = embeddings.patch_embedding(tiles).flatten(2).transpose(1, 2) + embeddings.position_embedding(self.places)
        for layer in self.vision.encoder.layers:
            hidden = layer(hidden, None)
        used = pixel_attention_mask[0, 0, 0, 0].to(hidden.dtype) * 0  # an input that no node reads would vanish
        return self.connector(self.vision.post_layernorm(hidden)) + used


class WholeVision(nn.Module):
    """LLaVA, and LLaVA-OneVision for one of several images of a prompt."""

    def __init__(self, model, family):
        super().__init__()
        self.model, self.several = model.model, family == "llava_onevision"
        config = model.config
        self.options = {"vision_feature_layer": config.vision_feature_layer, "vision_feature_select_strategy": config.vision_feature_select_strategy}

    def forward(self, pixel_values):
        several = {"image_sizes": torch.ones(1, 2, dtype=torch.long), "batch_num_images": torch.tensor([2]), "vision_aspect_ratio": "anyres_max_9"}
        found = self.model.get_image_features(pixel_values, return_dict=True, **self.options, **(several if self.several else {}))
        return torch.cat(list(found.pooler_output))


def export(module, path, inputs, outputs, dynamic):
    """Traces the module; `inputs` are names and examples."""
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            module, tuple(inputs.values()), str(path), input_names=list(inputs), output_names=list(outputs), dynamic_axes=dynamic,
            opset_version=17, dynamo=False,
        )  # fmt: skip


def export_embed(model, path):
    axes = {0: "batch_size", 1: "sequence_length"}
    export(Embed(model), path, {"input_ids": torch.ones(2, 3, dtype=torch.long)}, ["inputs_embeds"], {"input_ids": axes, "inputs_embeds": axes})


def export_vision(model, family, path):
    if family in QWEN:
        patch = model.config.vision_config.patch_size
        inputs = {"pixel_values": torch.rand(48, 6 * patch * patch), "image_grid_thw": torch.tensor([[1, 6, 8]])}
        dynamic = {"pixel_values": {0: "num_patches"}, "image_grid_thw": {0: "num_images"}, "image_features": {0: "num_tokens"}}
        return export(QwenVision(model, family), path, inputs, ["image_features"], dynamic)
    side = model.config.vision_config.image_size
    if family in LLAVA:
        return export(WholeVision(model, family), path, {"pixel_values": torch.rand(1, 3, side, side)}, ["image_features"], {"pixel_values": {0: "batch_size"}})
    inputs = {"pixel_values": torch.rand(1, 2, 3, side, side), "pixel_attention_mask": torch.ones(1, 2, side, side, dtype=torch.bool)}
    dynamic = {"pixel_values": {0: "batch_size", 1: "num_images"}, "pixel_attention_mask": {0: "batch_size", 1: "num_images"}, "image_features": {0: "num_tiles"}}
    return export(TileVision(model), path, inputs, ["image_features"], dynamic)


def export_decoder(model, family, path, keep=True):
    config = model.config.get_text_config()
    heads = config.num_key_value_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    mrope = family in QWEN
    b, s, p = 2, 3, 4
    inputs = {
        "inputs_embeds": torch.rand(b, s, config.hidden_size),
        "attention_mask": torch.ones(b, p + s, dtype=torch.long),
        "position_ids": torch.arange(s).expand(3, b, s) if mrope else torch.arange(s).expand(b, s),
    }
    if keep:
        inputs["num_logits_to_keep"] = torch.tensor(2)
    names = [f"{layer}.{part}" for layer in range(config.num_hidden_layers) for part in ("key", "value")]
    inputs |= {f"past_key_values.{name}": torch.rand(b, heads, p, size) for name in names}
    rows = {0: "batch_size", 1: "sequence_length"}
    dynamic = {"inputs_embeds": rows, "attention_mask": {0: "batch_size", 1: "total_sequence_length"}, "logits": rows}
    dynamic["position_ids"] = {1: "batch_size", 2: "sequence_length"} if mrope else rows
    for name in names:
        dynamic[f"past_key_values.{name}"] = {0: "batch_size", 2: "past_sequence_length"}
        dynamic[f"present.{name}"] = {0: "batch_size", 2: "total_sequence_length"}
    export(Decoder(model, keep), path, inputs, ["logits", *(f"present.{name}" for name in names)], dynamic)


def build_decoder(model, family, path, precision, provider, tokenizer):
    """The decoder by ONNX Runtime GenAI's model builder, as a file with its weights inside."""
    with tempfile.TemporaryDirectory() as made, contextlib.redirect_stdout(io.StringIO()):
        source, target = Path(made) / "torch", Path(made) / "onnx"
        known_to_builder(model, family).save_pretrained(source)
        tokenizer.save_pretrained(source)
        options = parse_extra_options("", str(source), str(target), precision, provider, made, ["exclude_embeds=true"])
        create_model("", str(source), str(target), precision, provider, made, **options)
        onnx.save(onnx.load(target / "model.onnx"), path)


def known_to_builder(model, family):
    """Qwen2-VL's decoder is that of Qwen2.5-VL; those of the others are Llama or Qwen2, which the builder knows."""
    text = model.config.text_config.to_dict()
    text.pop("model_type")
    if family in ("idefics3", "smolvlm"):
        known = LlamaForCausalLM(LlamaConfig(**text))
        known.model.load_state_dict(model.model.text_model.state_dict())
    elif family == "llava":
        known = LlamaForCausalLM(LlamaConfig(**text))
        known.model.load_state_dict(model.model.language_model.state_dict())
    elif family == "llava_onevision":
        known = Qwen2ForCausalLM(Qwen2Config(**text))
        known.model.load_state_dict(model.model.language_model.state_dict())
    elif family == "qwen2_vl":
        vision = {"depth": 1, "hidden_size": 32, "out_hidden_size": text["hidden_size"], "num_heads": 2, "intermediate_size": 32}
        known = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False))
        known.model.language_model.load_state_dict(model.model.language_model.state_dict())
    else:
        return model
    known.lm_head.load_state_dict(model.lm_head.state_dict())
    return known


def to_half(path, target):
    onnx.save(convert_float_to_float16(onnx.load(path)), target)


def to_int8(path, target):
    quantize_dynamic(path, target, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"])


def to_int4(path, target):
    quantizer = MatMulNBitsQuantizer(onnx.load(path), block_size=32, is_symmetric=True)
    quantizer.process()
    onnx.save(quantizer.model.model, target)


def write_onnx(model, family, attention, folder, tokenizer):
    """All files of a model in all dtypes."""
    folder.mkdir(parents=True, exist_ok=True)
    at = lambda session, dtype: folder / f"{session}{SUFFIXES[dtype]}.onnx"
    export_embed(model, at("embed_tokens", "fp32"))
    export_vision(model, family, at("vision_encoder", "fp32"))
    if attention == "matmul":
        export_decoder(model, family, at("decoder_model_merged", "fp32"))
    else:
        forms = {"fp32": ("fp32", "cpu"), "fp16": ("fp16", "cuda"), "q4": ("int4", "cpu"), "q4f16": ("int4", "cuda")}
        for dtype, form in forms.items():
            build_decoder(model, family, at("decoder_model_merged", dtype), *form, tokenizer)
    for session in ("embed_tokens", "vision_encoder", "decoder_model_merged"):
        plain = at(session, "fp32")
        for dtype, make in (("fp16", to_half), ("q8", to_int8), ("q4", to_int4), ("q4f16", None)):
            target = at(session, dtype)
            if not target.exists():
                to_half(at(session, "q4"), target) if make is None else make(plain, target)
