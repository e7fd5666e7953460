# SPDX-License-Identifier: ISC
# A facade before CMake and Ninja. `make` sets up and builds into build/; programs are in
# build/bin/. `make help` lists the rest.
#
#   make BUILD=build-mine      another build folder
#   make PREFIX=/usr           where `make install` puts things (with DESTDIR before it)
#   make QSP_OPENSSL_PREFIX=/p an OpenSSL >= 3.5 of your own, instead of ./setup's

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= 2
# fuzz: one target (empty: each of them), and for how many seconds
T       ?=
TIME    ?= 60

ifndef QSP_OPENSSL_PREFIX
QSP_OPENSSL_PREFIX = $$(./setup --prefix)
endif

# $(call build,PRESET,DIR): configure, then build; the lock keeps two makes apart
define build
	@mkdir -p $(2)
	@flock $(2)/.lock sh -c 'cmake --preset $(1) -B $(2) --log-level=NOTICE \
		-DQSP_OPENSSL_PREFIX="'"$(QSP_OPENSSL_PREFIX)"'" \
		-DCMAKE_INSTALL_PREFIX="$(PREFIX)" >$(2)/.configure.log || \
		{ cat $(2)/.configure.log; exit 1; }; cmake --build $(2) -j $(JOBS) $(3)'
endef

CTEST = ctest -j $(JOBS) --output-on-failure --no-tests=error

all: build

help:
	@echo 'make             set up what is missing, build into build/'
	@echo 'make demo        set up, build, and show every part at work'
	@echo 'make check       build, run the tests but the slow ones'
	@echo 'make check-all   build, run every test'
	@echo 'make asan tsan valgrind   the tests under a sanitizer, or the unit tests under valgrind'
	@echo 'make fuzz T=msg TIME=600  fuzz one target (no T: each) for TIME seconds'
	@echo 'make cov         line coverage of the tests'
	@echo 'make bench       measure'
	@echo 'make lab         what an observer of the wire can tell (QUICK=1: the short measure)'
	@echo 'make suspend     sessions over the sleep of a whole machine, a guest of QEMU'
	@echo 'make lint        every static check'
	@echo 'make format      format the C sources in place'
	@echo 'make install     into $$DESTDIR$$PREFIX'
	@echo 'make dist        a source archive of the last commit'
	@echo 'make clean       remove the build folders'

setup:
	@./setup

build: setup
	$(call build,release,$(BUILD))

demo: build
	@QSP_BIN="$(CURDIR)/$(BUILD)/bin" tools/demo.sh

check: build
	@cd $(BUILD) && $(CTEST) -LE slow

check-all: build
	@cd $(BUILD) && $(CTEST)

bench: build
	@QSP_BIN="$(CURDIR)/$(BUILD)/bin" bench/run

lab: build
	@./setup --lab
	@QSP_BIN="$(CURDIR)/$(BUILD)/bin" bench/lab/run

suspend: build
	@./setup --suspend
	@QSP_BIN="$(CURDIR)/$(BUILD)/bin" tests/suspend/run

asan: setup
	$(call build,asan,build-asan)
	@cd build-asan && UBSAN_OPTIONS=print_stacktrace=1 $(CTEST) -LE slow

tsan: setup
	$(call build,tsan,build-tsan)
	@cd build-tsan && $(CTEST) -LE slow

valgrind: setup
	$(call build,dev,build-dev)
	@tools/valgrind.sh build-dev

fuzz: setup
	$(call build,fuzz,build-fuzz)
	@tools/fuzz.sh build-fuzz "$(TIME)" $(T)

cov: setup
	$(call build,cov,build-cov)
	@find build-cov -name '*.gcda' -delete
	@cd build-cov && $(CTEST) -LE slow
	@tools/coverage build-cov

lint: build
	@BUILD="$(BUILD)" QSP_OPENSSL_PREFIX="$(QSP_OPENSSL_PREFIX)" tools/lint/run

format:
	@tools/lint/format --fix

install: build
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD)

dist:
	@v=$$(sed -n 's/^project(qsp VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt) && \
		git archive --format=tar.gz --prefix="qsp-$$v/" -o "qsp-$$v.tar.gz" HEAD && \
		echo "qsp-$$v.tar.gz"

clean:
	rm -rf build build-dev build-asan build-tsan build-fuzz build-cov build-lint

.PHONY: all help setup build demo check check-all bench lab suspend asan tsan valgrind fuzz cov lint \
	format install dist clean
