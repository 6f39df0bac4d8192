"""Makes the inputs of the benchmark of a real model out of public files. See docs/real-benchmark.md.

    python bench/real/prepare.py --out DIR --gguf SmolLM2-135M-Instruct.Q4_1.gguf --minilm FOLDER \
        --pica FOLDER --rated testdev.json
"""

import argparse
import json
from pathlib import Path

import onnx

import okvqa
from bert_onnx import write_embedder
from gguf_llama import GgufLlama
from llama_onnx import build


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_model(gguf: str, out: Path, name: str) -> None:
    source = GgufLlama(gguf)
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    config = source.hub_config(name)
    write_json(out / "config.json", config)
    ends = sorted({config["eos_token_id"], source.field("tokenizer.ggml.unknown_token_id")})
    write_json(out / "generation_config.json", {"eos_token_id": ends, "pad_token_id": config["pad_token_id"]})
    write_json(out / "tokenizer.json", source.tokenizer())
    write_json(out / "tokenizer_config.json", source.tokenizer_config())
    onnx.save(build(source.config, source.weights()), out / "onnx" / "model.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for everything")
    parser.add_argument("--gguf", help="GGUF file of a Llama model (SmolLM2-135M-Instruct)")
    parser.add_argument("--name", default="HuggingFaceTB/SmolLM2-135M-Instruct", help="name of that model")
    parser.add_argument("--minilm", type=Path, help="folder of all-MiniLM-L6-v2, unpacked")
    parser.add_argument("--pica", type=Path, help="folder of the repository microsoft/PICa, for its captions")
    parser.add_argument("--questions", type=Path, help="OpenEnded_mscoco_val2014_questions.json of OK-VQA")
    parser.add_argument("--annotations", type=Path, help="mscoco_val2014_annotations.json of OK-VQA")
    parser.add_argument("--rated", type=Path, help="in their place: testdev.json of LXMERT's form, with `label`")
    parser.add_argument("--library", type=int, default=500, help="questions that demonstrations come from")
    parser.add_argument("--train", type=int, default=1500, help="questions that rewards are measured on")
    parser.add_argument("--validation", type=int, default=500)
    parser.add_argument("--test", type=int, default=0, help="0: all that are left")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.gguf:
        write_model(options.gguf, options.out / "model", options.name)
    if options.minilm:
        write_embedder(options.minilm, options.out / "embedder", "sentence-transformers/all-MiniLM-L6-v2")
    if options.pica:
        rows = okvqa.rated(options.rated) if options.rated else okvqa.official(options.questions, options.annotations)
        sizes = {"library": options.library, "train": options.train, "validation": options.validation, "test": options.test}
        print(okvqa.write_splits(rows, okvqa.captions(options.pica), options.out, sizes, options.seed))


if __name__ == "__main__":
    main()
