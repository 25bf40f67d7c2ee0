"""What the checks of keys share: which key is checked by what, and the program of a device as it is shipped."""
import pathlib

from lab import *  # noqa: F403

effects = {}


def effect(path):
    def remember(function):
        assert path not in effects, path
        effects[path] = function
        return function

    return remember


def refused(build, status, *texts):
    """Is the build refused with the exit status, saying the texts?"""
    told = all(t in build.err for t in texts)
    return check(build.status == status and told and not build.files,
                 f"refused with {status} and {texts}: {build.status} {build.err}")


def built(build, what):
    return check(build.status == 0 and not build.err, f"{what}: {build.status} {build.err}")


def only(one, other, *files):
    """Do just these files differ?"""
    return check(changed(one, other) == set(files), f"files that change: {changed(one, other)}, not {set(files)}")


def script(name, log):
    """A program that writes its arguments to a file and does as the real one."""
    path = pathlib.Path(f"wrapped-{name}").resolve()
    path.write_text(f'#!/bin/sh\necho "$@" >>{pathlib.Path(log).resolve()}\nexec {name} "$@"\n')
    path.chmod(0o755)
    return str(path)


def logged(log):
    path = pathlib.Path(log)
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def in_parts(build):
    """The kernels that a program does in parts, alone or together with others."""
    graphs = build.json("report.json")["graphs"]
    together = {k["name"] for g in graphs for f in g.get("forks", []) for k in f["kernels"] if not k["parts"].startswith("all by part ")}
    return [k["name"] for g in graphs for k in g["kernels"] if "parts" in k or k["name"] in together]


def of_unit(flags, command="cc", **changes):
    """generic with small flags, whose unit has flags of its own."""
    return described(compiler__command=command, compiler__flags=["-O1", "-DOF_DEVICE=1"], units__0__flags=flags, **changes)


prepare("net", "contractions")
base = Build("net", HOST)
