"""The scripts of docs/slurm.md under bash, with stand-ins for Slurm's commands and its nodes all on this machine."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.runs import is_finished, new_run
from support.equal import largest_difference, newest, records
from support.launched import write_config
from support.processes import REPOSITORY, WATCHED, free_port, output_of
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]

# srun starts a task on each node and, as the script asks it to, ends all of them with the first that fails; scancel
# reaches every process that they started, as Slurm does through control groups.
COMMANDS = {
    "torchrun": f'exec {shlex.quote(sys.executable)} -m torch.distributed.run "$@"',
    "srun": """
[ "$1" = --kill-on-bad-exit=1 ] || exit 64
shift
for ((node = 0; node < SLURM_NNODES; node++)); do SLURM_NODEID=$node "$@" & echo $! >> "$STATE/tasks"; done
for ((node = 0; node < SLURM_NNODES; node++)); do
    wait -n || { code=$?; scancel --signal=KILL "$SLURM_JOB_ID"; exit $code; }
done
""",
    "scancel": """
[ "$2" = "$SLURM_JOB_ID" ] || exit 64
below() { [ -d "/proc/$1" ] && for child in $(cat /proc/$1/task/*/children); do below "$child"; echo "$child"; done; }
for task in $(cat "$STATE/tasks"); do kill "-${1#--signal=}" $(below "$task") "$task" 2> /dev/null; done
""",
    "scontrol": """
case "$1 $2" in
    "show hostnames") for ((node = 0; node < SLURM_NNODES; node++)); do echo localhost; done ;;
    "requeue $SLURM_JOB_ID") touch "$STATE/requeued" ;;
    *) exit 64 ;;
esac
""",
}


def script_for(nodes: int, config: Path) -> str:
    """The documented script, with this test's experiment and as many processes as make two in all.

    On two nodes, where it lets torchrun start the processes again, the second one dies once.
    """
    one, several = re.findall(r"```bash\n(.*?)```", (REPOSITORY / "docs/slurm.md").read_text(), re.DOTALL)[:2]
    (start,) = re.findall(r"^srun .*?&\n", one, re.DOTALL | re.MULTILINE)
    script = one if nodes == 1 else one.replace(start, several)
    faults: dict[str, Any] = {"pause": 0.2}
    if nodes == 2:
        faults["die"] = {"rank": 1, "step": 8, "marker": str(config.with_suffix(".died"))}
    entry = f"{shlex.quote(str(WATCHED))} {shlex.quote(json.dumps(faults))}"
    for written, meant in (
        ("--nproc_per_node=4", f"--nproc_per_node={2 // nodes}"),
        ("train_mae.py", entry),
        ("configs/exp1.yaml", shlex.quote(str(config))),
        (":29500", f":{free_port()}"),
    ):
        assert written in script or (nodes == 1 and written == ":29500"), written
        script = script.replace(written, meant)
    return script


def submit(script: str, folder: Path, nodes: int, restarts: int) -> "subprocess.Popen[str]":
    """Run a script as Slurm's daemon runs a job's."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    (state / "tasks").write_text("")
    for name, body in COMMANDS.items():
        (state / name).write_text(f"#!/bin/bash\n{body}")
        (state / name).chmod(0o755)
    told = {
        "PATH": f"{state}:{os.environ['PATH']}",
        "STATE": str(state),
        "SLURM_JOB_ID": "71",
        "SLURM_NNODES": str(nodes),
        "SLURM_JOB_NODELIST": f"node[1-{nodes}]",
        "OMP_NUM_THREADS": "1",
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        **({"SLURM_RESTART_COUNT": str(restarts)} if restarts else {}),
    }
    return subprocess.Popen(
        ["bash", "-c", script],
        env={**os.environ, **told},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the stand-in for scancel needs /proc")
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_job_whose_time_is_up_waits_again_and_ends_with_the_weights_of_a_run_that_was_not_cut(
    prepared: Prepared, tmp_path: Path, nodes: int
) -> None:
    config, run = write_config(prepared, tmp_path / "run", processes=2), RunDirectory(tmp_path / "run")
    script = script_for(nodes, config)
    job = submit(script, tmp_path, nodes, restarts=0)
    assert job.stdout is not None
    assert "@step 4\n" in job.stdout
    job.send_signal(signal.SIGTERM)  # to the script alone, as --signal=B:TERM has it
    said = output_of(job)
    assert (tmp_path / "state/requeued").is_file(), said
    assert 4 <= newest(run)["progress"]["step"] < 12 and not is_finished(run), said
    job = submit(script, tmp_path, nodes, restarts=1)
    said = output_of(job)
    assert job.returncode == 0 and is_finished(run), said[-3000:]
    changes = {"model": {"dropout": 0.0}, "training": {"epochs": 4}, "logging": {"log_every": 1}}
    alone = new_run(small_config(prepared[0], tmp_path / "alone", **changes), prepared[1])
    assert config.with_suffix(".died").exists() == (nodes == 2)
    assert len(newest(run)["random"]) == 2 and len(records(run)) == len(records(alone)) == 16
    assert largest_difference(run, alone) < 1e-4
