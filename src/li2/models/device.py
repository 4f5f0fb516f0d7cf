"""Where tensors live."""

import torch

from li2.errors import Li2Error


def named_device(name: str) -> torch.device:
    """The device of a specification: ``auto`` takes a GPU if there is one; raises Li2Error if it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise Li2Error(f"device={name} is not there: {torch.cuda.device_count()} CUDA devices were found.")
    return device
