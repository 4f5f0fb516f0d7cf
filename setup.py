"""Compiles the passes of two-layer networks, if there is a compiler for them; everything else is in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "li2.models._fused",
            ["src/li2/models/fused.cpp"],
            language="c++",
            extra_compile_args=["-O3", "-std=c++17", "-fopenmp"],
            extra_link_args=["-fopenmp"],
            optional=True,
        )
    ]
)
