#!/usr/bin/env python3
"""What of the packages in packaging/ can be held to the tree without their tools.

Versions agree with the header that states them, the port's manifest has the form that vcpkg asks for, features and
options are those of the library, and the Conan recipe does what it says when its steps are called with a stand-in for
conan, which is no package of Debian's.
"""

import importlib.util
import json
import pathlib
import re
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMPONENTS = ROOT / "cmake/Components.cmake"


def expect(condition, what):
    if not condition:
        sys.exit(f"packages: {what}")


def library_version():
    text = (ROOT / "include/shoal/core/version.hpp").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^#define SHOAL_VERSION_\w+ (\d+)$", text, re.MULTILINE))


def components():
    return re.search(r"set\(shoal_components ([\w ]+)\)", COMPONENTS.read_text(encoding="utf-8")).group(1).split()


def check_citation(version):
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for key in ("cff-version: 1.2.0", "message: ", "title: ", "authors:", f"version: {version}", "license: Apache-2.0"):
        expect(re.search(f"^{re.escape(key)}", text, re.MULTILINE), f"CITATION.cff lacks '{key}'")


def check_vcpkg(version):
    port = ROOT / "packaging/vcpkg/shoal"
    manifest = json.loads((port / "vcpkg.json").read_text(encoding="utf-8"))
    expect(manifest["name"] == port.name, "a port has the name of its folder")
    expect(manifest["version-semver"] == version, f"vcpkg.json has version {manifest['version-semver']}, not {version}")
    known = {"$schema", "name", "version-semver", "description", "license", "dependencies", "features"}
    expect(manifest.keys() <= known, f"vcpkg.json has {manifest.keys() - known}")
    names = [d if isinstance(d, str) else d["name"] for d in manifest["dependencies"]]
    expect(names == sorted(names), "dependencies are sorted, as vcpkg format-manifest has them")
    portfile = (port / "portfile.cmake").read_text(encoding="utf-8")
    for feature, content in manifest["features"].items():
        expect(feature in components(), f"vcpkg.json: shoal has no component {feature}")
        expect(re.fullmatch(r"[a-z0-9-]+", feature) and content["description"] and content["dependencies"], feature)
        expect(f"{feature} SHOAL_{feature.upper()}" in portfile, f"portfile.cmake does not hand on {feature}")


class Anything:
    """Attributes and items as they are asked for."""

    def __init__(self):
        self.parts = {}
        self.properties = {}

    def set_property(self, name, value):
        self.properties[name] = value

    def __getattr__(self, name):
        if name != "components":
            raise AttributeError(name)
        self.components = Components()
        return self.components


class Components(dict):
    def __missing__(self, name):
        self[name] = Anything()
        return self[name]


class Options(dict):
    __getattr__ = dict.__getitem__
    get_safe = dict.get


def stand_in_for_conan():
    class ConanFile:
        def __init__(self, options, folder):
            self.options = Options(options)
            self.settings = types.SimpleNamespace(os="Linux")
            self.cpp_info = Anything()
            self.required = []
            self.recipe_folder = str(ROOT / "packaging/conan")
            self.source_folder = str(ROOT)
            self.package_folder = folder

        def requires(self, reference):
            self.required.append(reference)

    def copy(_, pattern, src, dst):
        for path in pathlib.Path(src).rglob(pattern):
            to = pathlib.Path(dst) / path.relative_to(src)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())

    functions = {
        "conan": {"ConanFile": ConanFile},
        "conan.tools": {},
        "conan.tools.build": {"check_min_cppstd": None, "can_run": None},
        "conan.tools.cmake": {"CMake": None, "cmake_layout": None},
        "conan.tools.files": {"copy": copy, "load": lambda _, path: pathlib.Path(path).read_text(encoding="utf-8")},
        "conan.tools.layout": {"basic_layout": None},
    }
    for name, content in functions.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module


def load(path):
    spec = importlib.util.spec_from_file_location(path.parent.name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_conan(version):
    stand_in_for_conan()
    sys.dont_write_bytecode = True
    load(ROOT / "packaging/conan/test_package/conanfile.py")
    Recipe = load(ROOT / "packaging/conan/conanfile.py").ShoalConan
    optional = {option.removeprefix("with_") for option in Recipe.options} - {"threads"}
    expect(optional <= set(components()), f"conanfile.py: shoal has no components {optional - set(components())}")
    for wanted in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            options = dict(Recipe.default_options) | {f"with_{name}": wanted for name in optional}
            recipe = Recipe(options, folder)
            recipe.set_version()
            expect(recipe.version == version, f"conanfile.py finds version {recipe.version}, not {version}")
            recipe.requirements()
            recipe.package()
            recipe.package_info()
            expect((pathlib.Path(folder) / "include/shoal/shoal.hpp").is_file(), "conanfile.py packs no headers")
            expect((pathlib.Path(folder) / "licenses/LICENSE").is_file(), "conanfile.py packs no licence")
            parts = recipe.cpp_info.components
            expect(parts.keys() == {"core", *(optional if wanted else ())}, f"conanfile.py has {list(parts)}")
            required = {reference.split("/")[0] for reference in recipe.required}
            named = {r.split("::")[0] for part in parts.values() for r in part.requires if "::" in r}
            expect(required == named, f"conanfile.py requires {required}, its components {named}")


def check_commands():
    """Where a page or a recipe says `conan create`, it says the standard too: the detected profile of g++ 12 has C++17."""
    given = 0
    for path in (ROOT / "README.md", ROOT / "packaging/conan/conanfile.py", *sorted((ROOT / "docs").glob("*.md"))):
        for command in re.findall(r"conan create packaging/conan.*", path.read_text(encoding="utf-8")):
            expect("-s compiler.cppstd=20" in command, f"{path.relative_to(ROOT)} says '{command}', which gcc 12 refuses")
            given += 1
    expect(given > 1, "README.md or conanfile.py does not say how the package is made")


if __name__ == "__main__":
    check_citation(library_version())
    check_vcpkg(library_version())
    check_conan(library_version())
    check_commands()
    print(f"packages of shoal {library_version()} with {', '.join(components())}")
