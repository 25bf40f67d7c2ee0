"""worker.py REQUEST: one program of one peer in a process of its own, which bench.py drives through a pipe.

REQUEST is JSON: peer, model, folder, threads, cores, options. Says {"ready": ...} or {"absent"|"unsupported"|"failed": reason}, then
answers each line on stdin, {"measure": seconds}, with one line of JSON. Lines begin with "@ "; what else a peer prints is not read."""
import ctypes, importlib, json, os, signal, sys, time


def end_with_parent():
    """A worker that is stopped would outlive a bench that is killed."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def say(**what):
    print("@ " + json.dumps(what), flush=True)


def error_of(outputs, golden):
    """The largest difference, in parts of each output's largest value."""
    import numpy as np
    if len(outputs) != len(golden):
        return float("inf")
    worst = 0.0
    for got, want in zip(outputs, golden):
        if np.issubdtype(np.asarray(want).dtype, np.integer):
            worst = worst if np.array_equal(got, want) else float("inf")
            continue
        got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
        if got.size != want.size or not np.isfinite(got).all():
            return float("inf")
        worst = max(worst, float(np.abs(got.reshape(want.shape) - want).max() / max(np.abs(want).max(), 1e-30)))
    return worst


def main():
    end_with_parent()
    request = json.loads(sys.argv[1])
    os.sched_setaffinity(0, request["cores"])
    import peer
    try:
        program_of = importlib.import_module("peers." + request["peer"])
        model = peer.Model(request["folder"], request["model"], request["options"])
        inputs = model.inputs()
        if hasattr(program_of, "prepare"):
            model.prepared = program_of.prepare(model, request["threads"])
        start = time.monotonic()
        program = program_of.Program(model, request["threads"], inputs)
        program.step()
        load = time.monotonic() - start
        clock = peer.Clock(request["folder"], program)
        say(ready=True, version=program.version, load=load, error=error_of(program.outputs(), model.golden()),
            bound=getattr(program_of, "BOUND", None))
        for line in sys.stdin:
            say(samples=clock.measure(json.loads(line)["measure"]))
    except peer.Absent as e:
        say(absent=str(e))
    except peer.Unsupported as e:
        say(unsupported=str(e))
    except Exception as e:  # whatever a peer throws is told in the table
        lines = str(e).strip().splitlines() or [""]
        say(failed="%s: %s" % (type(e).__name__, lines[0][:300]))


if __name__ == "__main__":
    main()
