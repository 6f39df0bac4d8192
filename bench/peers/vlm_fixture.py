"""Makes `fixtures/tiny-vlm`: a Qwen2.5-VL of two layers with random weights, its decoder with GroupQueryAttention, and what
PyTorch answers with it. The tests of vqa-model read it. CASES is the cases.json that `bench/peers/vlm.ts` writes.

    python bench/peers/vlm_fixture.py CASES
"""

import json
import sys
import warnings
from pathlib import Path

import torch

from vlm import by_torch
from vlm_onnx import build_decoder, export_embed, export_vision
from vlm_tiny import tiny

ROOT = Path(__file__).parents[2]
FAMILY = "qwen2_5_vl"


def shrink(config):
    text, vision = config.text_config, config.vision_config
    text.hidden_size, text.intermediate_size, text.num_attention_heads, text.num_key_value_heads = 32, 48, 2, 1
    text.max_position_embeddings = 480
    vision.hidden_size, vision.num_heads, vision.out_hidden_size, vision.intermediate_size, vision.depth = 8, 1, 32, 16, 2


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    given = json.loads(Path(sys.argv[1]).read_text())
    folder = ROOT / "fixtures/tiny-vlm"
    model, processor = tiny(FAMILY, given["corpus"], 280, shrink, seed=2)
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    export_embed(model, folder / "onnx/embed_tokens.onnx")
    export_vision(model, FAMILY, folder / "onnx/vision_encoder.onnx")
    build_decoder(model, FAMILY, folder / "onnx/decoder_model_merged.onnx", "fp32", "cpu", processor.tokenizer)
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    processor.save_pretrained(folder)
    golden = ROOT / "fixtures/golden/pixels/images"
    cases = [case for case in given["cases"] if all(Path(path).parent == golden for path in case["images"])]
    expected = []
    for case in cases:
        found = by_torch(model, processor, case)
        texts = {key: processor.tokenizer.decode(found[key], skip_special_tokens=True) for key in ("tokens", "beams")}
        names = [Path(path).name for path in case["images"]]
        expected.append({"images": names, "messages": case["messages"], "answer": case["answer"], "prompt": len(found["ids"]), **texts, "logProb": found["logProb"]})
    (folder / "expected.json").write_text("[\n" + ",\n".join(json.dumps(one) for one in expected) + "\n]\n")
    print(len(expected), "cases")


if __name__ == "__main__":
    main()
