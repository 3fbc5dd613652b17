# The one door. `make build`, `make test` and `make demo` install what they need first.
# `make test-memory` builds and runs the tests of one folder, src/memory.
# `make T=ARGUMENTS test` hands arguments to ctest, `make F=ARGUMENTS fuzz` to fuzz/run.py.
.PHONY: demo build install test bench fuzz docs format tidy clean setup
.DEFAULT_GOAL := build

# A compiler may take 2 GiB.
JOBS := $(shell awk -v n=$$(nproc) '/MemTotal/ { m = int($$2 / 2097152); \
	print (m < 1 ? 1 : m < n ? m : n) }' /proc/meminfo)
# cmake(TREE, TARGETS): configures a tree once, and builds.
cmake = $(if $(wildcard build/$(1)/build.ninja),,cmake --preset $(1) --log-level=WARNING >/dev/null &&) \
	cmake --build build/$(1) -j $(JOBS) --target $(2)
# The release tree with the Python module, for Debian's Python.
with_module = cmake --preset release --log-level=WARNING -U '*Python_*' -U 'NB_*' -DLEAT_PYTHON=ON \
	-DPython_EXECUTABLE=/usr/bin/python3 >/dev/null
ctest = ctest --test-dir build/$(1) --output-on-failure -j $(JOBS) $(T)
# ThreadSanitizer needs the addresses where it expects them; where the kernel refuses, go on without.
FIXED := $(shell setarch --no-tests=error -R true 2>/dev/null && echo setarch -R)

setup:
	@tools/setup.sh

build: setup
	@$(call cmake,release,leat)

# Into PREFIX: the program, the library, headers, and what plug-ins are built with.
PREFIX := /usr/local
install: setup
	@$(call cmake,release,all)
	@cmake --install build/release --prefix $(PREFIX) >/dev/null

test:
	@tools/setup.sh demo python
	@$(call cmake,asan,tests)
	@$(call cmake,tsan,tests)
	@$(call cmake,release,leat)
	@$(call ctest,asan)
	@$(FIXED) $(call ctest,tsan)

test-%:
	@tools/setup.sh demo
	@$(call cmake,asan,test_$*)
	@$(call ctest,asan) --no-tests=error -R '^test_$*$$'

tsan-%: setup
	@$(call cmake,tsan,test_$*)
	@$(FIXED) $(call ctest,tsan) --no-tests=error -R '^test_$*$$'

# The programs, and the scripts that may be executed; others are parts of one of these.
BENCHMARKS = $(patsubst bench/%.cc,build/release/bench/%,$(wildcard bench/*.cc)) \
	$(shell find bench -maxdepth 1 -type f -executable | sort)
bench:
	@tools/setup.sh bench demo python
	@$(with_module)
	@$(call cmake,release,leat _leat benchmarks)
	@for b in $(BENCHMARKS); do $$b || { echo "make bench: $$b failed" >&2; bad=1; }; done; exit $$bad

fuzz:
	@tools/setup.sh fuzz demo
	@$(call cmake,fuzz,fuzzers)
	@build/deps/venv/bin/python fuzz/run.py $(F)

demo:
	@tools/setup.sh demo
	@$(call cmake,release,leat)
	@examples/ocr/run.sh

# What the documents take from the program itself; tests say when it is out of date.
docs: build
	@build/release/bin/leat ops --markdown > docs/operators.md
	@tools/setup.sh demo python
	@$(with_module)
	@$(call cmake,release,_leat)
	@build/deps/venv/bin/python python/stubs.py build/release
	@$(call cmake,asan,test_pipeline)
	@LEAT_WRITE_DOCS=1 build/asan/bin/test_pipeline --gtest_filter=Docs.TablesAreTheFormats >/dev/null

SOURCES = $(shell git ls-files -co --exclude-standard '*.cc' '*.h')
format: setup
	@clang-format-16 -i $(SOURCES)

tidy: setup
	@clang-format-16 --dry-run -Werror $(SOURCES)
	@/usr/bin/python3 tests/tidy.py

clean:
	rm -rf build
