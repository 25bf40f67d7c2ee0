"""run.py BUILD: see run.sh."""
import sys

import command_line
import files
import package
from harness import Suite

suite = Suite(sys.argv[1])
for module in (command_line, files, package):
    for name, case in list(vars(module).items()):
        if name.startswith('test_'):
            suite.do(case)
suite.finish()
