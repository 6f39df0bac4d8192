"""Writes a sentence embedder of the BERT family as ONNX, by tracing it in PyTorch."""

import json
import shutil
from pathlib import Path


def write_embedder(source: Path, target: Path, name: str) -> None:
    """`source`: a folder of sentence-transformers; `target`: a folder in the layout of the Hub."""
    import torch
    from transformers import BertModel

    bert = BertModel.from_pretrained(source, attn_implementation="eager").eval()

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state

    (target / "onnx").mkdir(parents=True, exist_ok=True)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    sample = torch.ones((2, 7), dtype=torch.int64)
    torch.onnx.export(
        Hidden(),
        (sample, sample, torch.zeros_like(sample)),
        str(target / "onnx" / "model.onnx"),
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes={name: {0: "batch_size", 1: "sequence_length"} for name in [*names, "last_hidden_state"]},
        opset_version=17,
        dynamo=False,
    )
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(source / file, target / file)
    pooling = source / "1_Pooling"
    if pooling.is_dir():
        shutil.copytree(pooling, target / "1_Pooling", dirs_exist_ok=True)
    config = json.loads((source / "config.json").read_text())
    config["_name_or_path"] = name
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
