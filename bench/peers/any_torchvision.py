"""Imports torchvision, whichever torch it was built for.

Its own compiled operators (none is used here) may be built for another torch; without them its import asks for the
shapes of these two.
"""

import sys

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    for _module in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[_module]
    _stub = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _stub.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
