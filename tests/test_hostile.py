#!/usr/bin/env python3
"""Unusual, broken and malicious files: made by tests/hostile/make.py, read by the library, compared with NumPy."""

import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))

with tempfile.TemporaryDirectory() as directory:
    subprocess.run([sys.executable, os.path.join(TOP, "tests", "hostile", "make.py"), directory], check=True)
    sys.exit(subprocess.run([os.path.join(BUILD, "tests", "unit", "test_formats"), "--hostile", directory]).returncode)
