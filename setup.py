"""Compiles the passes of two-layer networks, if there is a compiler; everything else is in pyproject.toml."""

import sys

from setuptools import Extension, setup

THREADS = ["-fopenmp"] if sys.platform == "linux" else []  # elsewhere compilers do not bring OpenMP with them

setup(
    ext_modules=[
        Extension(
            "li2.models._fused",
            ["src/li2/models/fused.cpp"],
            language="c++",
            extra_compile_args=["-O3", "-std=c++17", *THREADS],
            extra_link_args=THREADS,
            optional=True,
        )
    ]
)
