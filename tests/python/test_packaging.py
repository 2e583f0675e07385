"""What is made of the tree for others: by pip, from a source distribution too and by as many jobs as were asked for; by
`./dev amalgamate`."""

import importlib.util
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def needs(*modules):
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return unittest.skipIf(missing, f"needs {', '.join(missing)}")


class TestPackaging(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write_program(self, name, lines):
        """A script in the folder, to be found before the program of that name."""
        program = self.folder / name
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def setup(self, *arguments, **environment):
        """setup.py of a copy of the tree: it writes beside itself."""
        tree = self.folder / "tree"
        if not tree.exists():
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__"))
        command = [sys.executable, "setup.py", "-q", *arguments]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)

    @needs("setuptools")
    def test_a_source_distribution_holds_everything_that_the_package_is_built_from(self):
        self.setup("sdist", "--dist-dir", self.folder)
        (archive,) = self.folder.glob("shoal-*.tar.gz")
        with tarfile.open(archive) as tar:
            held = {name.partition("/")[2] for name in tar.getnames()}
        wanted = {"CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml", "setup.py"}
        for below in ("cmake", "include", "bench/python"):
            wanted |= {path.relative_to(ROOT).as_posix() for path in (ROOT / below).rglob("*") if path.suffix != ".pyc"}
        self.assertGreater(len(wanted), 100)
        self.assertEqual(sorted(name for name in wanted - held if "__pycache__" not in name), [])
        self.assertEqual([name for name in held if name.startswith(("build", "tests"))], [])

    @needs("setuptools", "pybind11")
    @unittest.skipIf(os.name == "nt", "stands a script in for CMake")
    def test_as_many_jobs_build_it_as_the_environment_says(self):
        said = self.folder / "said"
        self.write_program("cmake", f'echo "$@" >>"{said}"')
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        build = ("build_ext", "--build-lib", self.folder / "lib", "--build-temp", self.folder / "temp")
        for options, level, expected in (
            ((), "", f"-j {os.cpu_count()}"),
            ((), "3", None),
            (("--parallel", "5"), "3", "-j 5"),
        ):
            said.unlink(missing_ok=True)
            self.setup(*build, *options, PATH=path, CMAKE_BUILD_PARALLEL_LEVEL=level)
            configured, built = said.read_text().splitlines()
            self.assertIn("SHOAL_PYTHON=ON", configured)
            if expected is None:
                self.assertNotIn("-j", built)
            else:
                self.assertTrue(built.endswith(expected), built)

    @unittest.skipIf(shutil.which("bash") is None, "needs bash")
    def test_dev_amalgamate_prints_where_the_header_is_and_nothing_when_asked_for_help(self):
        # ./dev asks what is installed before it runs anything, and would install what is not.
        self.write_program("dpkg-query", "echo installed")
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        for arguments in (("-o", "one.hpp", "shoal/core/error.hpp"), ("--help",)):
            command = ["bash", ROOT / "dev", "amalgamate", *arguments]
            done = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, env={**os.environ, "PATH": path}
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            if arguments == ("--help",):
                self.assertNotIn("shoal-single", done.stdout)
            else:
                self.assertEqual(done.stdout, "one.hpp\n")
                self.assertIn("class Error", (self.folder / "one.hpp").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
