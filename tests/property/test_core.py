#!/usr/bin/env python3
"""The C core on the real elections of cases/: does it say what each file expects?

    test_core.py [--driver PROGRAM]
"""

import argparse
import shlex
import sys
import unittest

import compare
import test_model

OPTIONS = argparse.Namespace(driver=compare.DEFAULT_DRIVER)


class RealElections(test_model.RealElections):
    def result_of(self, case):
        return compare.drive(shlex.split(OPTIONS.driver), [case])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", default=compare.DEFAULT_DRIVER, help="program and its arguments")
    parser.parse_args(namespace=OPTIONS)
    program = unittest.main(argv=[sys.argv[0]], exit=False, verbosity=2)
    failed = len(program.result.failures) + len(program.result.errors)
    print(f"{program.result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
