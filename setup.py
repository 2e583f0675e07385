"""`pip install .`: the Python package, whose extension module CMake builds (bench/python/CMakeLists.txt).

Everything else is in pyproject.toml, and in MANIFEST.in what a source distribution holds. CMAKE_ARGS in the environment is
handed to CMake, for who needs another compiler, generator or place of a dependency; CMAKE_BUILD_PARALLEL_LEVEL, which CMake
reads itself, says how many compilers run at once.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).parent.resolve()


def version():
    """The one in include/shoal/core/version.hpp, where CMake reads it too."""
    header = (ROOT / "include/shoal/core/version.hpp").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^#define SHOAL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header, re.MULTILINE))


class BuildWithCMake(build_ext):
    def build_extension(self, extension):
        import pybind11  # not to be asked for where nothing is built

        package = pathlib.Path(self.get_ext_fullpath(extension.name)).parent.resolve()
        folder = pathlib.Path(self.build_temp).resolve()
        options = {
            "CMAKE_BUILD_TYPE": "Release",
            "Python_EXECUTABLE": sys.executable,
            "SHOAL_PYTHON": "ON",
            "SHOAL_UNITY_BUILD": "ON",
            "SHOAL_PYTHON_PACKAGE_DIR": package,
            "pybind11_DIR": pybind11.get_cmake_dir(),
        }
        for part in ("BUILD_TESTS", "BUILD_BENCH", "BUILD_EXAMPLES", "INSTALL", "EIGEN", "SQLITE", "MPI"):
            options["SHOAL_" + part] = "OFF"
        arguments = [f"-D{name}={value}" for name, value in options.items()]
        arguments += shlex.split(os.environ.get("CMAKE_ARGS", ""))
        jobs = self.parallel or (None if os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") else os.cpu_count() or 1)
        subprocess.run(["cmake", "-S", ROOT, "-B", folder, *arguments], check=True)
        parallel = ["-j", str(jobs)] if jobs else []
        subprocess.run(["cmake", "--build", folder, "--target", "shoal_python", *parallel], check=True)


setup(version=version(), ext_modules=[Extension("shoal._shoal", [])], cmdclass={"build_ext": BuildWithCMake})
