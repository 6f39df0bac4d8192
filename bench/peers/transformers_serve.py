"""`transformers serve` of a Qwen2-VL with random parameters, which needs no network.

    python transformers_serve.py MODEL OUT PORT

MODEL is a folder with the configuration, the tokenizer and the preprocessor of a small model (that of the bundled world);
OUT gets a model that transformers can load. Needs transformers[serving].
"""

import io
import json
import shutil
import sys
from pathlib import Path

import any_torchvision  # noqa: F401
import numpy
import PIL.Image
import torch
import torchvision.io
from transformers import AutoConfig, Qwen2VLForConditionalGeneration
from transformers.cli.transformers import main


SCALE = 12


def decode_image(data: torch.Tensor | str, mode: object = None, apply_exif_orientation: bool = False) -> torch.Tensor:
    """As that of torchvision, for where its image extension was built for another torch. [3, H, W]"""
    file = data if isinstance(data, str) else io.BytesIO(bytes(data.numpy()))
    image = PIL.Image.open(file).convert("RGB")
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1).contiguous()


def make(source: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(AutoConfig.from_pretrained(source))
    with torch.no_grad():  # large enough that answers differ by prompt
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(SCALE)
    model.generation_config.update(do_sample=False, max_new_tokens=8)
    model.save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"):
        shutil.copy(source / name, out / name)
    # The processor looks for the template in a file of its own.
    template = json.loads((source / "tokenizer_config.json").read_text())["chat_template"]
    (out / "chat_template.jinja").write_text(template)


if __name__ == "__main__":
    source, out, port = sys.argv[1:]
    torchvision.io.decode_image = decode_image
    make(Path(source), Path(out))
    sys.argv = ["transformers", "serve", out, "--port", port, "--device", "cpu", "--host", "127.0.0.1"]
    main()
