"""Shapes and types of all annotated functions are checked while the tests run.

One thread: the problems are small, and threads that wait for each other on a busy machine are slow.
"""

import torch
from jaxtyping import install_import_hook

install_import_hook("li2", "typechecking.check")
torch.set_num_threads(1)
