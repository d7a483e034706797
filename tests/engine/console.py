"""A process of the site that does one thing after the other, as it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.supervisor import ROOT, tail


class Console:
    def __init__(self, *, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as errors:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tests.engine.inside"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def do(self, verb: str, *arguments: object) -> Any:
        """One verb of `inside.py`, and what it answers."""
        self.popen.stdin.write(f"{json.dumps([verb, *arguments])}\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        assert line, f"{verb}: {tail(self.log)}"
        answer = json.loads(line)
        assert "fault" not in answer, f"{verb}: {answer['fault']}"
        return answer["answer"]

    def close(self) -> None:
        self.popen.stdin.close()
        self.popen.stdout.close()
        self.popen.wait()
