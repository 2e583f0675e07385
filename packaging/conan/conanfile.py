"""shoal as a Conan 2 package, made of the tree that it lies in: `conan create packaging/conan -s compiler.cppstd=20`.

A profile that says C++20 or later needs no `-s`; that which Conan detects for g++ 12 says C++17, and `validate` refuses it.
The recipe was run with a stand-in for Conan only (tests/packaging/check_packages.py).
"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"

ROOT = os.path.join("..", "..")


class ShoalConan(ConanFile):
    name = "shoal"
    description = "Header-only HNSW vector search with batches that say what they did"
    license = "Apache-2.0"
    topics = ("nearest-neighbor-search", "hnsw", "vector-search", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_eigen": [True, False], "with_sqlite": [True, False], "with_threads": [True, False]}
    default_options = {"with_eigen": False, "with_sqlite": False, "with_threads": True}
    no_copy_source = True

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, ROOT, "include", "shoal", "core", "version.hpp"))
        self.version = ".".join(re.findall(r"^#define SHOAL_VERSION_\w+ (\d+)$", header, re.MULTILINE))

    def export_sources(self):
        root = os.path.join(self.recipe_folder, ROOT)
        for pattern in ("LICENSE", "include/*"):
            copy(self, pattern, src=root, dst=self.export_sources_folder)

    def layout(self):
        basic_layout(self, src_folder=".")

    def requirements(self):
        self.requires("xsimd/13.0.0")
        self.requires("tl-expected/1.1.0")
        if self.options.with_eigen:
            self.requires("eigen/3.4.0")
        if self.options.with_sqlite:
            self.requires("sqlite3/[>=3.37 <4]")

    def validate(self):
        check_min_cppstd(self, 20)

    def package_id(self):
        self.info.clear()  # headers: one package for every compiler

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", src=os.path.join(self.source_folder, "include"),
             dst=os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "shoal")
        core = self.cpp_info.components["core"]
        core.set_property("cmake_target_name", "shoal::shoal")
        core.set_property("pkg_config_name", "shoal")
        core.requires = ["xsimd::xsimd", "tl-expected::tl-expected"]
        if not self.options.with_threads:
            core.defines = ["SHOAL_NO_THREADS"]
        elif self.settings.os in ("Linux", "FreeBSD"):
            core.system_libs = ["pthread"]
        for option, component, package in (("with_eigen", "eigen", "eigen::eigen"),
                                           ("with_sqlite", "sqlite", "sqlite3::sqlite3")):
            if self.options.get_safe(option):
                part = self.cpp_info.components[component]
                part.set_property("cmake_target_name", f"shoal::{component}")
                part.requires = ["core", package]
