"""Write the pip lock and the conda environments from what is installed (`make lock`).

`requirements.lock` pins every installed package. `cpu.yaml` and `cuda.yaml` take the same pins
through pip on top of a conda Python; they differ in the build of torch alone.
"""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

HERE = Path(__file__).parent
NOT_LOCKED = {"nasflow", "pip"}
CUDA_ONLY = ("nvidia-", "cuda-", "triton")
HEADER = "# Written by envs/lock.py (make lock). Exact versions of everything that nasflow runs with.\n"

ENVIRONMENT = """\
# Written by envs/lock.py (make lock): the versions of requirements.lock, for `snakemake --sdm conda`.
# {what}
name: nasflow-{name}
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - pip:
{pins}
"""
WHAT = {
    "cpu": "For machines without a GPU: give pip an index that has torch's CPU build to save space.",
    "cuda": "For NVIDIA GPUs: torch's default build for Linux brings its CUDA libraries along.",
}


def installed() -> dict[str, str]:
    """Return {name: version} of what is installed, without torch's local build tag."""
    found = {d.metadata["Name"].lower().replace("_", "-"): d.version.split("+")[0] for d in distributions()}
    return {k: v for k, v in sorted(found.items()) if k not in NOT_LOCKED and not k.startswith(CUDA_ONLY)}


def main() -> None:
    """Write the three files."""
    pins = [f"{name}=={version}" for name, version in installed().items()]
    (HERE / "requirements.lock").write_text(HEADER + "\n".join(pins) + "\n")
    for name, what in WHAT.items():
        lines = "\n".join(f"      - {pin}" for pin in pins)
        (HERE / f"{name}.yaml").write_text(ENVIRONMENT.format(name=name, what=what, pins=lines))


if __name__ == "__main__":
    main()
