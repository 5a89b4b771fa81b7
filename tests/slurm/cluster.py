"""A SLURM cluster of one node on this machine's loopback, from the distribution's packages.

Everything it writes lies in one folder: munge's key and socket, slurm.conf, state, spool and logs. No
daemon of the machine is used or touched, and nothing is left running after `stop`.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

NODE = "node0"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
SLURM_CONF = """\
ClusterName=nasflow
SlurmctldHost={host}(127.0.0.1)
MailProg=/bin/true
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
CryptoType=crypto/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=200000
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
ReturnToService=2
SlurmdTimeout=60
MessageTimeout=60
KillWait=2
MinJobAge=86400
InactiveLimit=0
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Return what keeps a cluster from being started here, in words; empty if nothing does."""
    absent = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    return f"SLURM is not installed ({', '.join(absent)}; Debian: slurm-wlm, munge)" if absent else ""


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Cluster:
    """One node, one partition, in the folder `root`; jobs may take `cpus` cores, `memory` MB, real or not."""

    root: Path
    cpus: int = 4
    memory: int = 16_000
    daemons: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of whoever speaks to this cluster."""
        path = os.pathsep.join((str(self.root / "bin"), PATH))
        return {"SLURM_CONF": str(self.root / "slurm.conf"), "PATH": path}

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs. Raises TimeoutError with their logs."""
        for folder in ("state", "spool"):
            (self.root / folder).mkdir(parents=True, mode=0o700)
        key = self.root / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        (self.root / "slurm.conf").write_text(
            SLURM_CONF.format(
                node=NODE,
                host=socket.gethostname().partition(".")[0],
                root=self.root,
                user=getpass.getuser(),
                ctld_port=free_port(),
                slurmd_port=free_port(),
                cpus=self.cpus,
                memory=self.memory,
            )
        )
        self.write_srun()
        self.launch(
            *("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.root}/munge.socket"),
            *(f"--pid-file={self.root}/munged.pid", f"--seed-file={self.root}/munge.seed"),
            f"--log-file={self.root}/munged.log",
        )
        self.wait_until(lambda: (self.root / "munge.socket").exists(), "munged")
        self.launch("slurmctld", "-D", "-c")
        self.start_node()

    def write_srun(self) -> None:
        """Put a `srun` on the path that knows slurm.conf: the plug-in hides SLURM_CONF from it in a job."""
        srun = self.root / "bin" / "srun"
        srun.parent.mkdir()
        real = shutil.which("srun", path=PATH)
        srun.write_text(f'#!/bin/sh\nSLURM_CONF="{self.root}/slurm.conf" exec {real} "$@"\n')
        srun.chmod(0o755)

    def start_node(self) -> None:
        """Start slurmd, and wait until its node takes jobs."""
        self.launch("slurmd", "-D", "-N", NODE)
        self.wait_until(lambda: self.node_state() in ("idle", "mix", "alloc"), "slurmd")

    def stop_node(self, jobs_too: bool = False) -> None:
        """Kill slurmd; with `jobs_too` also all that runs on the node, as if power failed."""
        daemon = self.daemons.pop("slurmd")
        started = steps_of(self.root) if jobs_too else []
        daemon.kill()
        daemon.wait()
        for process in started:
            for each in (*descendants(process), process):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)

    def stop(self) -> None:
        """Cancel all jobs and stop all daemons."""
        if "slurmctld" in self.daemons:
            self.command("scancel", "--quiet", f"--user={getpass.getuser()}", check=False)
            with contextlib.suppress(TimeoutError):
                self.wait_until(lambda: not self.jobs(), "scancel", seconds=15)
        for name in ("slurmd", "slurmctld", "munged"):
            if daemon := self.daemons.pop(name, None):
                daemon.terminate()
                try:
                    daemon.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()

    def launch(self, program: str, *arguments: str) -> None:
        """Start a daemon in the foreground."""
        with open(self.root / f"{program}.out", "ab") as out:
            self.daemons[program] = subprocess.Popen(
                [shutil.which(program, path=PATH), *arguments],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def command(self, *command: str, check: bool = True) -> str:
        """Run a SLURM client and return what it prints."""
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=300
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def node_state(self) -> str:
        """Return the node's state in SLURM's short form; empty if the controller does not answer."""
        return self.command("sinfo", "--noheader", "--format=%t", check=False)

    def jobs(self, states: str = "PENDING,RUNNING,COMPLETING,CONFIGURING") -> dict[str, tuple[str, str]]:
        """Return {id: (state, comment)} of jobs in these states ("all": finished ones too).

        The comment names the rule and its wildcards. An array's task is <id>_<number>.
        """
        form = "--Format=JobArrayID:|,State:|,Comment:"
        listed = self.command("squeue", "--array", "--noheader", f"--states={states}", form, check=False)
        rows = (line.split("|", 2) for line in listed.splitlines())
        return {name.strip(): (state.strip(), comment.strip()) for name, state, comment in rows}

    def wait_until(self, condition, what: str, seconds: float = 300, every: float = 0.2) -> None:
        """Wait for a condition. Raises TimeoutError with the ends of the daemons' logs."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(
                    f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}"
                    for log in sorted((*self.root.glob("*.log"), *self.root.glob("*.out")))
                )
                raise TimeoutError(f"{what}: not within {seconds:.0f} s\n{logs}")
            time.sleep(every)


def steps_of(root: Path) -> list[int]:
    """Return the ids of slurmstepd processes of the cluster in `root` (they run on without slurmd)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().strip() == "slurmstepd" and any(
                str(root).encode() in part for part in (process / "environ").read_bytes().split(b"\0")
            ):
                found.append(int(process.name))
    return found


def descendants(process: int) -> list[int]:
    """Return the ids of a process's children and theirs, the farthest first."""
    found = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [*descendants(child), child]
    return found
