"""The device of a job, and how fast a job is at work."""

from __future__ import annotations

import subprocess
import sys

from pipeline.job import Job

SCRIPT = """
import sys, torch
from pipeline.job import Job
device = Job("x", {}, device="cpu", threads=1).torch_device()
print(device, torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode())
print(torch.get_num_threads(), "torch._dynamo" in sys.modules, "sympy" in sys.modules)
"""


def test_a_job_on_the_cpu_is_deterministic_and_loads_no_compiler():
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["cpu", "True", "2", "1", "False", "False"]


def test_auto_is_a_device_that_is_there():
    assert Job("x", {}, device="auto").torch_device().type in ("cpu", "cuda")
