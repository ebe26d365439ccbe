from __future__ import annotations

import pkgutil
import subprocess
import sys

from experiment_svc import stats


def test_a_service_starts_without_waiting_for_scipy() -> None:
    modules = [
        f"experiment_svc.stats.{found.name}" for found in pkgutil.iter_modules(stats.__path__)
    ]
    program = f"import sys, {', '.join(modules)}; sys.exit('scipy' in sys.modules)"

    run = subprocess.run([sys.executable, "-c", program], check=False)

    assert len(modules) > 20
    assert run.returncode == 0
