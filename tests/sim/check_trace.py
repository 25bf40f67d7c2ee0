"""check_trace.py FILE: checks Chrome trace events as Perfetto reads them; prints the spans as a tree."""
import json
import sys

events = json.load(open(sys.argv[1]))['traceEvents']
for e in events:
    assert e['ph'] in 'MX' and e['pid'] == 1 and e['tid'] == 1 and e['name'], e
spans = [e for e in events if e['ph'] == 'X']
for e in spans:
    assert e['dur'] > 0 and e['ts'] >= 0 and e['cat'], e
# In nanoseconds: a span lies inside of the one that is open, strictly.
spans.sort(key=lambda e: (e['ts'], -e['dur']))
stack = []
for e in spans:
    begin = round(e['ts'] * 1000)
    end = begin + round(e['dur'] * 1000)
    while stack and stack[-1][1] < begin:
        stack.pop()
    assert not stack or (stack[-1][0] < begin and end < stack[-1][1]), e
    a = e['args']
    place = '%s:%d:%d' % (a['file'], a['line'], a['column']) if 'line' in a else ''
    types = '%s -> %s' % (a['in'], a['out']) if 'in' in a else ''
    print(*(x for x in ('  ' * len(stack) + e['name'], '(%s)' % e['cat'], place, types) if x))
    stack.append((begin, end))
