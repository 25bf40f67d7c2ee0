"""readme.py README BUILD: runs the commands of a README, the indented lines that begin with '$', in
one shell each from the top folder, and compares what each prints on stdout with the lines below it.
A line '...' stands for any lines; blanks at the end of a line do not count. BUILD takes the place of
'build/'. Prints what failed; the last line has the numbers of what passed and what failed."""
import os
import re
import subprocess
import sys

readme, build = sys.argv[1:]
top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')


def sessions(text):
    """(command, expected lines) in order; a command goes on after a backslash at the end of its line."""
    command, expected = None, []
    for line in text.splitlines() + ['']:
        inside = line.startswith('    ')
        if command is not None and command.endswith('\\'):
            command = command[:-1] + line.strip()
        elif inside and line[4:6] != '$ ':
            expected.append(line[4:])
        else:
            if command is not None and line.strip():
                yield command, expected
                command = None
            if inside:
                command, expected = line[6:], []
            elif command is not None:
                expected.append('')
    if command is not None:
        yield command, expected


def pattern(expected):
    parts = re.split(r'(?m)^\.\.\.(?:\n|$)', trimmed('\n'.join(expected)))
    return r'[\s\S]*'.join(re.escape(part) for part in parts)


def trimmed(text):
    return '\n'.join(line.rstrip() for line in text.splitlines()).strip('\n')


failed = number = 0
for command, expected in sessions(open(readme, encoding='utf-8').read()):
    number += 1
    ran = subprocess.run(re.sub(r'\bbuild/', build + '/', command), shell=True, cwd=top, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, encoding='utf-8')
    if ran.returncode or not re.fullmatch(pattern(expected), trimmed(ran.stdout.replace(build + '/', 'build/'))):
        print(f'FAILED {os.path.relpath(readme, top)}: {command}\n{ran.stdout}{ran.stderr}')
        failed += 1
print(number - failed, failed)
sys.exit(failed > 0)
