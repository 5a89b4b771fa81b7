"""What a stage's command knows about the run it belongs to."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """One call of one stage.

    stage: name of the stage. settings: the configuration subtree that the stage reads (plain dict).
    seed: the run's seed. code: digest of the code that the stage runs (see `pipeline.staleness.fingerprint`).
    modules: digest of each module in it. device, threads: where it computes; they change how
    fast a result comes, not which configuration it belongs to.
    """

    stage: str
    settings: dict
    seed: int = 0
    code: str = ""
    modules: dict = field(default_factory=dict)
    device: str = "auto"
    threads: int = 1
    started: float = field(default_factory=time.time)

    def torch_device(self):
        """Return the torch device of `device`; `auto` is CUDA where there is one.

        Also fixes the number of threads and asks torch for deterministic algorithms.
        Raises UserError if CUDA is asked for and absent.
        """
        import torch

        from pipeline.errors import UserError

        torch.set_num_threads(self.threads)
        name = self.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        if name.startswith("cuda") and not torch.cuda.is_available():
            raise UserError(
                "device: cuda was asked for, but torch sees no CUDA device; use device: cpu or auto"
            )
        if name == "cpu":
            torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms loads torch's compiler
            # filling memory that is written before it is read anyway costs about a tenth of the time
            torch.utils.deterministic.fill_uninitialized_memory = False
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        return torch.device(name)
